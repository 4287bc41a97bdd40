// The init of containers: process 1, which runs the command, forwards signals to it and reaps what is left to it.
//
// This is a program of its own, not a part of the agent: package pid1 copies the section caisson_init out of the
// agent's memory into an ELF file. So there are rules. No libc, no global data, no string or array constants, which the
// compiler would put elsewhere; one section holds all that it uses. It makes system calls and nothing else.

#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <asm/ioctls.h>
#include <asm/unistd.h>

#define INIT __attribute__((section("caisson_init"), used, noinline))
#define INLINE static inline __attribute__((always_inline))

// The compiler may not turn loops into calls of memset and its like, which are not here.
#define BARRIER __asm__ volatile("" ::: "memory")

INLINE long call(long n, long a, long b, long c, long d) {
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#endif
}

#if defined(__x86_64__)
__asm__(".pushsection caisson_init,\"ax\",@progbits\n"
        "caisson_init_begin:\n"
        "	xor %ebp, %ebp\n"
        "	mov %rsp, %rdi\n"
        "	and $-16, %rsp\n"
        "	call caisson_init_main\n"
        "	ud2\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection caisson_init,\"ax\",@progbits\n"
        ".balign 4\n"
        "caisson_init_begin:\n"
        "	mov x0, sp\n"
        "	bl caisson_init_main\n"
        "	brk 0\n"
        ".popsection\n");
#endif

// Messages live in the section, and are found from where the program counter is.
#define TEXT(name, text)                                                     \
	__asm__(".pushsection caisson_init,\"ax\",@progbits\n"               \
	        ".balign 8\n" #name ": .ascii \"" text "\\0\"\n.balign 8\n"  \
	        ".popsection\n");                                           \
	extern const char name[] __attribute__((visibility("hidden")))

TEXT(caisson_text_name, "caisson-init: ");
TEXT(caisson_text_missing, ": no such command in the container\\n");
TEXT(caisson_text_denied, ": the command can't be executed\\n");
TEXT(caisson_text_path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

#define ENOENT 2
#define EINTR 4
#define EAGAIN 11
#define ENOTDIR 20

INLINE unsigned long length(const char *s) {
	unsigned long n = 0;
	while (s[n]) {
		n++;
		BARRIER;
	}
	return n;
}

INLINE void say(const char *s) { call(__NR_write, 2, (long)s, length(s), 0); }

INIT static long caisson_init_exec(const char *file, char **argv, char **env) {
	return call(__NR_execve, (long)file, (long)argv, (long)env, 0);
}

// caisson_init_run executes the command, searched in PATH if it has no slash. It returns why it could not.
INIT static long caisson_init_run(char **argv, char **env) {
	const char *name = argv[0], *path = caisson_text_path;
	for (const char *p = name; *p; p++)
		if (*p == '/')
			return caisson_init_exec(name, argv, env);
	for (char **e = env; *e; e++)
		if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=')
			path = *e + 5;
	char file[4096];
	long err = -ENOENT;
	for (;;) {
		unsigned long n = 0;
		for (; *path && *path != ':'; path++)
			if (n < sizeof file - 1) {
				file[n++] = *path;
				BARRIER;
			}
		if (n == 0)
			file[n++] = '.'; // POSIX: an empty prefix is the present directory
		if (n + 1 + length(name) < sizeof file) {
			file[n++] = '/';
			for (const char *p = name; *p; p++) {
				file[n++] = *p;
				BARRIER;
			}
			file[n] = 0;
			long r = caisson_init_exec(file, argv, env);
			if (r != -ENOENT && r != -ENOTDIR)
				err = r;
		}
		if (!*path++)
			return err;
	}
}

INIT static void caisson_init_exit(long code) {
	for (;;)
		call(__NR_exit_group, code, 0, 0, 0);
}

// caisson_init_child becomes the command. It has a process group of its own, in the foreground if there is a terminal, so
// that what is typed there reaches it and not init too.
INIT static void caisson_init_child(char **argv, char **env, unsigned long *mask) {
	call(__NR_setpgid, 0, 0, 0, 0);
	int group = call(__NR_getpid, 0, 0, 0, 0);
	call(__NR_ioctl, 0, TIOCSPGRP, (long)&group, 0); // standard input need not be a terminal
	call(__NR_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, sizeof *mask);
	long err = caisson_init_run(argv, env);
	say(caisson_text_name);
	say(argv[0]);
	if (err == -ENOENT || err == -ENOTDIR) {
		say(caisson_text_missing);
		caisson_init_exit(127);
	}
	say(caisson_text_denied);
	caisson_init_exit(126);
}

// caisson_init_reap waits for all that have ended, and ends with the command.
INIT static void caisson_init_reap(long child) {
	for (;;) {
		int status;
		long pid = call(__NR_wait4, -1, (long)&status, WNOHANG, 0);
		if (pid == -EINTR)
			continue;
		if (pid <= 0)
			return;
		if (pid == child)
			caisson_init_exit(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
	}
}

__attribute__((section("caisson_init"), used, noinline, visibility("hidden"))) void caisson_init_main(long *stack) {
	long argc = stack[0];
	char **argv = (char **)(stack + 1), **env = argv + argc + 1;
	if (argc < 3) // the program, "--" and the command
		caisson_init_exit(127);
	// All but those that the program's own faults raise.
	unsigned long all = ~(1UL << (SIGFPE - 1) | 1UL << (SIGILL - 1) | 1UL << (SIGSEGV - 1) | 1UL << (SIGBUS - 1) | 1UL << (SIGABRT - 1) | 1UL << (SIGTRAP - 1) | 1UL << (SIGSYS - 1));
	unsigned long before;
	call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof all);
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0); // it is not process 1 in a pid namespace of another's
	long child = call(__NR_clone, SIGCHLD, 0, 0, 0);   // that is fork
	if (child == 0)
		caisson_init_child(argv + 2, env, &before);
	if (child < 0)
		caisson_init_exit(126);
	// What ended before the mask was set told it to libcontainer's program, which was here until then, or to nobody.
	caisson_init_reap(child);
	for (;;) {
		long sig = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof all);
		if (sig == SIGCHLD)
			caisson_init_reap(child);
		else if (sig > 0)
			call(__NR_kill, child, sig, 0, 0);
	}
}

extern const char __start_caisson_init[] __attribute__((visibility("hidden")));
extern const char __stop_caisson_init[] __attribute__((visibility("hidden")));
extern const char caisson_init_begin[] __attribute__((visibility("hidden")));

const void *caisson_init_text(unsigned long *size, unsigned long *entry) {
	*size = __stop_caisson_init - __start_caisson_init;
	*entry = caisson_init_begin - __start_caisson_init;
	return __start_caisson_init;
}
