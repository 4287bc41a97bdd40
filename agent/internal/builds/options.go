//go:build linux

package builds

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.podman.io/buildah/define"
	nettypes "go.podman.io/common/libnetwork/types"
	"go.podman.io/image/v5/types"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/ocirun"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/image"
)

// options is the whole conversion to imagebuildah's.
func (b *build) options(steps string) (define.BuildOptions, error) {
	policy, err := b.s.transfers.PolicyFile()
	if err != nil {
		return define.BuildOptions{}, err
	}
	limits, err := ulimits()
	if err != nil {
		return define.BuildOptions{}, err
	}
	sc := b.s.transfers.SystemContext()
	sc.SignaturePolicyPath = policy
	if b.req.Transport.Insecure {
		sc.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	sc.DockerCertPath = b.req.Transport.CertDir
	if err := transfer.Platform(sc, b.req.Platform); err != nil {
		return define.BuildOptions{}, err
	}
	o := define.BuildOptions{
		ContextDirectory:        b.context,
		AdditionalBuildContexts: b.named(),
		ContainerSuffix:         images.BuildSuffix + b.s.images.Temp().ID + "-" + filepath.Base(b.dir),
		Target:                  b.req.Target,
		Args:                    maps.Clone(b.req.Args),
		Labels:                  pairs(b.req.Labels),
		NoCache:                 b.req.Cache.Disable,
		PullPolicy:              pullPolicy(b.req.Pull),
		SystemContext:           sc,
		SignaturePolicyPath:     policy,
		OutputFormat:            define.Dockerv2ImageManifest, // OCI drops ONBUILD, HEALTHCHECK and SHELL
		Layers:                  true,
		RemoveIntermediateCtrs:  true,
		ForceRmIntermediateCtrs: true,
		Out:                     b.out, Err: b.out, ReportWriter: b.out,
		Isolation:        isolation(),
		Runtime:          "/proc/self/exe",
		RuntimeArgs:      []string{ocirun.Arg, "--root", steps},
		NamespaceOptions: []define.NamespaceOption{{Name: "network", Host: true}}, // as Docker's, a step reaches what the host does
		NetworkInterface: noNetwork{},
		AddCapabilities:  []string{"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"}, // to have Docker's default set
		CommonBuildOpts: &define.CommonBuildOptions{
			IdentityLabel: types.OptionalBoolFalse,
			HTTPProxy:     true,
			Ulimit:        limits,
		},
	}
	b.result(&o)
	b.caches(&o)
	b.network(&o)
	if len(b.tags) > 0 {
		o.Output, o.AdditionalTags = b.tags[0], b.tags[1:]
	}
	return o, nil
}

// result sets how the image is written.
func (b *build) result(o *define.BuildOptions) {
	r := b.req.Result
	if r.OCI {
		o.OutputFormat = define.OCIv1ImageManifest
	}
	o.Squash = r.Squash
	if b.req.Jobs > 1 && !b.tree.takesFromImages() {
		o.JobSemaphore = semaphore.NewWeighted(int64(b.req.Jobs))
		o.ForceRmIntermediateCtrs = false // it would take them from under the stages that run beside one that fails
	}
	if !r.Epoch.IsZero() {
		o.SourceDateEpoch, o.RewriteTimestamp = &r.Epoch, true
	}
	for _, id := range slices.Sorted(maps.Keys(b.req.Run.SSH)) {
		o.CommonBuildOpts.SSHSources = append(o.CommonBuildOpts.SSHSources, id+"="+b.req.Run.SSH[id])
	}
	// The type is said, since buildah takes one whose name is a variable's of this process for that variable.
	for _, id := range slices.Sorted(maps.Keys(b.secrets)) {
		o.CommonBuildOpts.Secrets = append(o.CommonBuildOpts.Secrets, "id="+id+",type=file,src="+b.secrets[id])
	}
}

func pairs(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

// pullPolicy is for what ensureBases does not know of; the rest is in the store already.
func pullPolicy(p image.PullPolicy) define.PullPolicy {
	if p == image.PullNever {
		return define.PullNever
	}
	return define.PullIfMissing
}

func isolation() define.Isolation {
	if host.Rootless() {
		return define.IsolationOCIRootless
	}
	return define.IsolationOCI
}

// ulimits are this process's own: buildah's defaults are above what a process without CAP_SYS_RESOURCE may set.
func ulimits() ([]string, error) {
	var out []string
	for _, l := range []struct {
		name string
		num  int
	}{{"nofile", unix.RLIMIT_NOFILE}, {"nproc", unix.RLIMIT_NPROC}} {
		var r unix.Rlimit
		if err := unix.Getrlimit(l.num, &r); err != nil {
			return nil, os.NewSyscallError("getrlimit", err)
		}
		out = append(out, fmt.Sprintf("%s=%d:%d", l.name, int64(r.Cur), int64(r.Max)))
	}
	return out, nil
}

// noNetwork keeps buildah from looking for netavark: steps have the host's network or none.
type noNetwork struct{ nettypes.ContainerNetwork }
