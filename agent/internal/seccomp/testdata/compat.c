// compat makes calls by the i386 ABI from a 64-bit program and prints what the
// kernel says. It does not allocate: addresses are all bad.
#include <stdio.h>

static long call(long nr, long a, long b, long c)
{
	long ret;
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void print(const char *name, long ret)
{
	printf("%s %s\n", name, ret == -1 ? "EPERM" : ret == -38 ? "ENOSYS" : ret < 0 ? "other" : "ok");
}

int main(void)
{
	print("getpid", call(20, 0, 0, 0));
	print("unshare", call(310, 0, 0, 0));
	print("mount", call(21, -1, -1, -1));
	print("keyctl", call(288, 9999, 0, 0));
	print("personality-query", call(136, -1, 0, 0));
	print("personality-no-randomize", call(136, 0x40000, 0, 0));
	print("socket-unix", call(359, 1, 9999, 0));
	print("socket-vsock", call(359, 40, 9999, 0));
	print("clone3", call(435, -1, 0, 0));
	print("clone-newuser", call(120, 0x10000200, 0, 0));
	print("number-2000", call(2000, 0, 0, 0));
	return 0;
}
