// The guard: a process that outlives its agent for a moment, and kills what the agent has left running. A constructor, as
// that needs neither Go's runtime nor its memory: the process is a copy of the agent's binary that never gets to main.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SOCKET 0      // where the agent speaks: a message for each process, and the end when the agent ends
#define ROUNDS 200    // of killing, and the pause between them in milliseconds: a process may freeze itself meanwhile
#define PAUSE 10
#define TEXT 8

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// What the agent says. It sends a handle of the process with HOLD, and behind it a file to write to if there is one.
enum { HOLD = 'h', RELEASE = 'r' };

struct message {
	unsigned long long id;
	char verb;
	char text[TEXT - 1]; // to write, with a zero behind
};

struct ward {
	unsigned long long id;
	int pidfd, file;
	char text[TEXT];
};

static struct ward *wards;
static unsigned long held, room;

static void drop(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void hold(const struct message *m, int pidfd, int file)
{
	if (held == room) {
		struct ward *more = realloc(wards, (room + 64) * sizeof(*wards));
		if (!more) { // what it can't remember it can't keep alive
			syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
			drop(pidfd);
			drop(file);
			return;
		}
		wards = more;
		room += 64;
	}
	struct ward *w = &wards[held++];
	w->id = m->id;
	w->pidfd = pidfd;
	w->file = file;
	memcpy(w->text, m->text, sizeof(m->text));
	w->text[sizeof(m->text)] = 0;
}

static void release(unsigned long long id)
{
	for (unsigned long i = 0; i < held; i++)
		if (wards[i].id == id) {
			drop(wards[i].pidfd);
			drop(wards[i].file);
			wards[i] = wards[--held];
			return;
		}
}

// hear takes a message; it is 0 when the agent has ended.
static int hear(void)
{
	struct message m;
	char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec part = { &m, sizeof(m) };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fds[2] = { -1, -1 };
	ssize_t n = recvmsg(SOCKET, &h, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (n == sizeof(m) && m.verb == HOLD && fds[0] >= 0) {
		hold(&m, fds[0], fds[1]);
		return 1;
	}
	if (n == sizeof(m) && m.verb == RELEASE)
		release(m.id);
	drop(fds[0]);
	drop(fds[1]);
	return 1;
}

// over says whether a process is.
static int over(const struct ward *w)
{
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

static void kill_all(void)
{
	for (int round = 0; round < ROUNDS && held > 0; round++) {
		for (unsigned long i = 0; i < held; i++) {
			struct ward *w = &wards[i];
			syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
			if (w->file >= 0 && pwrite(w->file, w->text, strlen(w->text), 0) < 0 && errno == ENODEV)
				drop(w->file), w->file = -1; // its control group is gone
		}
		poll(NULL, 0, round ? PAUSE : 1);
		for (unsigned long i = held; i-- > 0;)
			if (over(&wards[i]))
				release(wards[i].id);
	}
}

__attribute__((constructor(102))) static void caisson_guard(void)
{
	int type;
	socklen_t size = sizeof(type);
	if (!getenv("CAISSON_GUARD") || getsockopt(SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return;
	syscall(SYS_close_range, SOCKET + 1, ~0U, 0); // what the agent has inherited: it must not stay open for this
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	while (hear())
		;
	kill_all();
	_exit(0);
}
