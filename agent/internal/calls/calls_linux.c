// The program that carries out a list of system calls; package calls writes it and the list into one ELF file.
//
// The rules are those of package pid1's program: no libc, no global data, no constants that the compiler would put
// elsewhere; one section holds all that it executes. It reads the list, and writes to nothing but its stack.

#include <linux/sched.h>
#include <linux/signal.h>
#include <asm/unistd.h>

#define CODE __attribute__((section("caisson_calls"), used, noinline))
#define INLINE static inline __attribute__((always_inline))

// The compiler may not turn loops into calls of memset and its like, which are not here.
#define BARRIER __asm__ volatile("" ::: "memory")

// What package calls has too.
enum { KIND_CALL, KIND_FORK, KIND_SIGNALS, KIND_INSIDE, KIND_AWAIT };
enum { FLAG_KEEP = 1, FLAG_IF_FAILED = 2 };
enum { SAY_FORKED = 1, SAY_FAILED = 2 };
#define CONTROL 3 // the socket to the one who started this
#define EXIT_FAILED 125

struct caisson_step {
	unsigned int kind, flags;
	long number, args[5];
	int allowed[4]; // errors that do not end the program; 0: no further
};

struct caisson_list {
	unsigned long count;
	struct caisson_step steps[];
};

struct caisson_message {
	unsigned short what, step;
	int value;
};

struct caisson_action {
	void *handler;
	unsigned long flags, restorer, mask;
};

INLINE long call(long n, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#endif
}

#if defined(__x86_64__)
__asm__(".pushsection caisson_calls,\"ax\",@progbits\n"
        "caisson_calls_begin:\n"
        "	xor %ebp, %ebp\n"
        "	and $-16, %rsp\n"
        "	call caisson_calls_main\n"
        "	ud2\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection caisson_calls,\"ax\",@progbits\n"
        ".balign 4\n"
        "caisson_calls_begin:\n"
        "	bl caisson_calls_main\n"
        "	brk 0\n"
        ".popsection\n");
#endif

extern const char __start_caisson_calls[] __attribute__((visibility("hidden")));
extern const char __stop_caisson_calls[] __attribute__((visibility("hidden")));
extern const char caisson_calls_begin[] __attribute__((visibility("hidden")));

INLINE void leave(long code) {
	for (;;)
		call(__NR_exit_group, code, 0, 0, 0, 0);
}

INLINE void tell(int what, unsigned long step, long value) {
	struct caisson_message m = {what, step, value};
	while (call(__NR_write, CONTROL, (long)&m, sizeof m, 0, 0) == -4 /* EINTR */)
		;
}

// caisson_calls_fork goes on in a child of this process's parent, in a control group of version 2 or in this one's, and
// tells the parent its number.
CODE static long caisson_calls_fork(unsigned long step, long cgroup) {
	long pid;
	if (cgroup < 0) {
		pid = call(__NR_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	} else {
		struct clone_args a;
		for (unsigned long i = 0; i < sizeof a / 8; i++) {
			((unsigned long *)&a)[i] = 0;
			BARRIER;
		}
		a.flags = CLONE_PARENT | CLONE_INTO_CGROUP; // the parent's signal is the one of this process
		a.cgroup = cgroup;
		pid = call(__NR_clone3, (long)&a, sizeof a, 0, 0, 0);
	}
	if (pid > 0) {
		tell(SAY_FORKED, step, pid);
		leave(0);
	}
	return pid;
}

// caisson_calls_signals sets all to what they are by default, and blocks none.
CODE static long caisson_calls_signals(void) {
	struct caisson_action none;
	none.handler = 0; // SIG_DFL
	none.flags = none.restorer = none.mask = 0;
	for (long sig = 1; sig <= 64; sig++) {
		call(__NR_rt_sigaction, sig, (long)&none, 0, sizeof none.mask, 0); // SIGKILL and SIGSTOP have no other
		BARRIER;
	}
	return call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&none.mask, 0, sizeof none.mask, 0);
}

// caisson_calls_inside fails unless the present directory is below the process's root: of one that is outside, the kernel
// says "(unreachable)" (CVE-2024-21626).
CODE static long caisson_calls_inside(void) {
	char path[4096];
	long n = call(__NR_getcwd, (long)path, sizeof path, 0, 0, 0);
	if (n > 0 && path[0] != '/')
		return -2; // ENOENT
	return n;
}

// caisson_calls_await goes on when it is told to, and ends when the one who would tell is gone.
CODE static long caisson_calls_await(void) {
	char go;
	long n;
	do
		n = call(__NR_read, CONTROL, (long)&go, 1, 0, 0);
	while (n == -4 /* EINTR */);
	if (n != 1)
		leave(EXIT_FAILED);
	return 0;
}

CODE static long caisson_calls_do(const struct caisson_step *s, unsigned long step) {
	if (s->kind == KIND_FORK)
		return caisson_calls_fork(step, s->args[0]);
	if (s->kind == KIND_SIGNALS)
		return caisson_calls_signals();
	if (s->kind == KIND_INSIDE)
		return caisson_calls_inside();
	if (s->kind == KIND_AWAIT)
		return caisson_calls_await();
	if (s->kind != KIND_CALL)
		return -22; // EINVAL
	long r;
	do
		r = call(s->number, s->args[0], s->args[1], s->args[2], s->args[3], s->args[4]);
	while (r == -4 /* EINTR */);
	return r;
}

__attribute__((section("caisson_calls"), used, noinline, visibility("hidden"))) void caisson_calls_main(void) {
	const struct caisson_list *l = (const struct caisson_list *)(((unsigned long)__stop_caisson_calls + 15) & ~15UL);
	long kept = 0;
	for (unsigned long i = 0; i < l->count; i++) {
		const struct caisson_step *s = &l->steps[i];
		if (s->flags & FLAG_IF_FAILED && kept >= 0)
			continue;
		long r = caisson_calls_do(s, i);
		if (s->flags & FLAG_KEEP)
			kept = r;
		if (r >= 0 || r < -4095)
			continue;
		int allowed = 0;
		for (int k = 0; k < 4; k++)
			if (s->allowed[k] == -r)
				allowed = 1;
		if (allowed)
			continue;
		tell(SAY_FAILED, i, -r);
		leave(EXIT_FAILED);
	}
	leave(0);
}

const void *caisson_calls_text(unsigned long *size, unsigned long *entry) {
	*size = __stop_caisson_calls - __start_caisson_calls;
	*entry = caisson_calls_begin - __start_caisson_calls;
	return __start_caisson_calls;
}
