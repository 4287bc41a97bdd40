package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Return values of a filter, from the kernel's include/uapi/linux/seccomp.h.
const (
	retKillProcess = 0x80000000
	retKillThread  = 0x00000000
	retTrap        = 0x00030000
	retErrno       = 0x00050000
	retTrace       = 0x7ff00000
	retLog         = 0x7ffc0000
	retAllow       = 0x7fff0000
)

// Error numbers are the same on all architectures supported here.
const (
	errnoEPERM  = 1
	errnoENOSYS = 38
	errnoMax    = 4095 // what the kernel cuts SECCOMP_RET_ERRNO's data to
)

// encodeAction makes the filter's return value. An errno beside an action that
// has no use for one is ignored, as runc does: profiles made from Docker's by
// exchanging the action still have it.
func encodeAction(field string, action specs.LinuxSeccompAction, errnoField string, errno *uint) (uint32, error) {
	data := uint32(errnoEPERM)
	if errno != nil {
		if *errno > errnoMax {
			return 0, profileError("%s: %d is out of range (0 to %d)", errnoField, *errno, errnoMax)
		}
		data = uint32(*errno)
	}
	switch action {
	case specs.ActAllow:
		return retAllow, nil
	case specs.ActErrno:
		return retErrno | data, nil
	case specs.ActKill, specs.ActKillThread:
		return retKillThread, nil
	case specs.ActKillProcess:
		return retKillProcess, nil
	case specs.ActTrap:
		return retTrap, nil
	case specs.ActTrace:
		return retTrace | data, nil
	case specs.ActLog:
		return retLog, nil
	case specs.ActNotify:
		return 0, profileError("%s: SCMP_ACT_NOTIFY is not supported, there is no listener to ask: use SCMP_ACT_ERRNO or SCMP_ACT_TRACE", field)
	case "":
		return 0, profileError("%s: missing (SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, …)", field)
	}
	return 0, profileError("%s: unknown action %q (use SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_THREAD, _KILL_PROCESS, _TRAP, _TRACE or _LOG)", field, action)
}

// passes says that calls go on with this action, even if noted.
func passes(ret uint32) bool { return ret == retAllow || ret == retLog }

// wantsENOSYS says whether calls that the profile's author cannot have known
// get ENOSYS, so that C libraries fall back to older ones. Not where the
// default lets them through, or leaves them to a tracer (runc's patchbpf).
func wantsENOSYS(defaultRet uint32) bool {
	return !passes(defaultRet) && defaultRet&0xffff0000 != retTrace
}
