// Executes a small binary in place of the agent's in a process that is to be no agent. A constructor, of a lower
// number than that of libcontainer's nsenter, since most of a start is what comes after: Go's runtime and the
// initialisation of 600 packages.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__ // others call a constructor without arguments

#define INIT_FD 4 // the agent's second extra file
#define AGENT_ARG0 "caisson-agent" // api.AgentArg0

extern char **environ;

// container_init: the binary is behind a read-only file system of its own, so that a container can't write to it.
static void container_init(char **argv)
{
	struct stat st;
	if (fstat(INIT_FD, &st) || !S_ISREG(st.st_mode) || fcntl(INIT_FD, F_SETFD, FD_CLOEXEC))
		return;
	syscall(SYS_execveat, INIT_FD, "", argv, environ, AT_EMPTY_PATH);
}

// An agent's owner may ignore or block signals, such as what nohup or a shell without job control has started. What the
// agent executes would inherit that, and containers begin with the default's dispositions and no signal blocked.
// By system calls: the C library keeps two signals to itself, which can be ignored or blocked all the same.
static void default_signals(void)
{
	struct { void *handler; unsigned long flags, restorer, mask; } now; // the kernel's struct sigaction, or a longer one
	unsigned long none = 0;
	for (int sig = 1; sig <= 64; sig++) {
		if (syscall(SYS_rt_sigaction, sig, NULL, &now, sizeof(none)) || now.handler != (void *)SIG_IGN)
			continue;
		memset(&now, 0, sizeof(now)); // SIG_DFL
		syscall(SYS_rt_sigaction, sig, &now, NULL, sizeof(none));
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

__attribute__((constructor(101))) static void caisson_enter_init(int argc, char **argv)
{
	if (argc < 1 || !argv[0])
		return;
	if (!strcmp(argv[0], AGENT_ARG0))
		default_signals();
	if (getenv("_LIBCONTAINER_INITPIPE"))
		container_init(argv);
	// Otherwise, and where there is no small binary, the agent's goes on, and does the same.
}

#endif
