// export reads a profile on stdin and writes libseccomp's BPF for it to
// stdout. Lines:
//
//   default ACTION            the first line; numbers in any C form
//   arch TOKEN                repeated; the native one has to be listed too
//   rules                     ends the list of architectures
//   rule ACTION NAME [INDEX OP A B]...
//
// With the argument "names" it reads names instead, and writes each with its
// numbers on the architectures given as further arguments.
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, int rc)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static int names(int argc, char **argv)
{
	char name[128];
	while (scanf("%127s", name) == 1) {
		printf("%s", name);
		for (int i = 2; i < argc; i++)
			printf(" %d", seccomp_syscall_resolve_name_arch(strtoul(argv[i], NULL, 0), name));
		printf("\n");
	}
	return 0;
}

static void rule(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp args[6];
	unsigned n = 0;
	char *action = strtok(NULL, " \n"), *name = strtok(NULL, " \n"), *field;
	while (n < 6 && (field = strtok(NULL, " \n")) != NULL) {
		args[n].arg = strtoul(field, NULL, 0);
		args[n].op = strtoul(strtok(NULL, " \n"), NULL, 0);
		args[n].datum_a = strtoull(strtok(NULL, " \n"), NULL, 0);
		args[n].datum_b = strtoull(strtok(NULL, " \n"), NULL, 0);
		n++;
	}
	int nr = seccomp_syscall_resolve_name(name);
	if (nr == __NR_SCMP_ERROR)
		return;
	int rc = seccomp_rule_add_array(ctx, strtoul(action, NULL, 0), nr, n, args);
	if (rc)
		die(name, rc);
}

int main(int argc, char **argv)
{
	char line[1024];
	if (argc > 1 && !strcmp(argv[1], "names"))
		return names(argc, argv);
	if (!fgets(line, sizeof(line), stdin) || strcmp(strtok(line, " \n"), "default"))
		die("first line", -EINVAL);
	scmp_filter_ctx ctx = seccomp_init(strtoul(strtok(NULL, " \n"), NULL, 0));
	if (!ctx)
		die("seccomp_init", -ENOMEM);
	unsigned native = 0;
	while (fgets(line, sizeof(line), stdin)) {
		char *what = strtok(line, " \n");
		if (!strcmp(what, "arch")) {
			unsigned token = strtoul(strtok(NULL, " \n"), NULL, 0);
			if (token == seccomp_arch_native())
				native = 1;
			int rc = seccomp_arch_add(ctx, token);
			if (rc && rc != -EEXIST)
				die("arch", rc);
		} else if (!strcmp(what, "rules")) {
			int rc = native ? 0 : seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE);
			if (rc)
				die("seccomp_arch_remove", rc);
		} else if (!strcmp(what, "rule")) {
			rule(ctx);
		}
	}
	int rc = seccomp_export_bpf(ctx, 1);
	if (rc)
		die("seccomp_export_bpf", rc);
	return 0;
}
