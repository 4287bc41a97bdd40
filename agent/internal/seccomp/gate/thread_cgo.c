// The thread of Gate: it receives the program, installs it on all threads and acknowledges. It must not touch the Go
// runtime. What it says and does is what the Go functions of this package say and do.

//go:build linux && cgo && (amd64 || arm64)

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEADER_SIZE 8
#define MAX_INSTRUCTIONS 4096
#define FLAGS_MASK 0x6
#define EXIT_FAILED 125
#define CAP_SYS_ADMIN_BIT (1u << CAP_SYS_ADMIN)

static int gate_fd;
static sem_t gate_ready;
static struct sock_filter gate_filter[MAX_INSTRUCTIONS];

static int reply(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		// MSG_NOSIGNAL: a parent that is gone must not become a SIGPIPE here.
		ssize_t n = send(gate_fd, text, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		text += n;
		left -= n;
	}
	return 1;
}

static void fail(const char *what, int err)
{
	char text[256];

	if (err)
		snprintf(text, sizeof(text), "seccomp: %s: %s\n", what, strerror(err));
	else
		snprintf(text, sizeof(text), "seccomp: %s\n", what);
	reply(text);
	syscall(SYS_exit_group, EXIT_FAILED); // a signal would not end the first process of a pid namespace
}

static void read_full(void *to, size_t size)
{
	char *p = to;

	while (size > 0) {
		ssize_t n = read(gate_fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("read the program", errno);
		if (n == 0)
			fail("the parent closed the gate before it had sent a program", 0);
		p += n;
		size -= n;
	}
}

// After a change of uid the capability is only permitted. The install tells if that was not enough.
static void raise_capability(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return;
	d[0].effective |= d[0].permitted & CAP_SYS_ADMIN_BIT;
	syscall(SYS_capset, &h, d);
}

static void install(unsigned int flags, unsigned short n)
{
	struct sock_fprog prog = { .len = n, .filter = gate_filter };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_TSYNC, &prog);

	if (r == 0)
		return;
	if (r > 0)
		fail("another thread has a filter of its own, which does not go together with TSYNC", 0);
	if (errno == EACCES)
		fail("the kernel refused the filter: the thread has neither CAP_SYS_ADMIN nor no_new_privs", 0);
	if (errno == EINVAL)
		fail("the kernel refused the filter as malformed, or has no seccomp (needs Linux 3.17 with CONFIG_SECCOMP_FILTER)", 0);
	fail("the kernel refused the filter", errno);
}

static void *gate_main(void *unused)
{
	// A change of uid, which reaches all threads, leaves the permitted capabilities of this one.
	int err = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ? errno : 0;
	uint8_t h[HEADER_SIZE];
	unsigned int n, flags;

	sem_post(&gate_ready);
	if (err)
		fail("prctl(PR_SET_KEEPCAPS)", err);
	read_full(h, sizeof(h));
	n = h[4] | h[5] << 8;
	flags = h[6] | h[7] << 8;
	if (memcmp(h, "bpf1", 4) || n == 0 || n > MAX_INSTRUCTIONS || (flags & ~FLAGS_MASK))
		fail("malformed program", 0);
	read_full(gate_filter, n * sizeof(gate_filter[0]));
	raise_capability();
	install(flags, n);
	// Under the filter now. If it denies sendto, the parent sees no acknowledgement, and ends the container. Otherwise it
	// stays open: the exec of the program closes it, and the parent hears of that.
	if (!reply("ok\n"))
		close(gate_fd);
	for (;;)
		pause(); // the thread must not end: that is a call the filter may deny
	return unused;
}

int caisson_gate(int fd)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int flags, rc;

	gate_fd = fd;
	// The parent may have set its copy of the descriptor non-blocking.
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		return errno;
	if (sem_init(&gate_ready, 0, 0))
		return errno;
	sigfillset(&all); // signals are Go's
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_attr_init(&attr);
	if (!rc) {
		pthread_attr_setstacksize(&attr, 64 << 10);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &attr, gate_main, NULL);
		pthread_attr_destroy(&attr);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return rc;
	while (sem_wait(&gate_ready) && errno == EINTR)
		;
	return 0;
}
