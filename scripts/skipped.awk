# Reads what go test -v wrote and names the tests that were skipped, by reason. Those that other tests run, in processes
# of their own, are not named.

# flush ends a package: its name comes after its tests.
function flush(package,    i) {
	sub(/^github\.com\/caisson-dev\/caisson\/?/, "", package)
	for (i = 1; i <= n; i++) {
		if (!(why[i] in tests))
			order[++reasons] = why[i]
		tests[why[i]] = tests[why[i]] "\n    " package " " skipped[i]
	}
	n = 0
	split("", said)
}

/^=== (RUN|NAME|CONT) / { current = $3; open = 0; next }

# The reason is the last that the test said. That of Skip goes on in the lines below.
/^    [A-Za-z0-9_]+\.go:[0-9]+: / {
	said[current] = $0
	sub(/^    [A-Za-z0-9_]+\.go:[0-9]+: /, "", said[current])
	open = said[current] ~ /:$/
	next
}
open && /^        / {
	line = $0
	sub(/^ +/, "", line)
	said[current] = said[current] " " line
	next
}

# What a test logs of another process's tests is indented deeper than a test of that name.
match($0, /^ *--- SKIP: /) {
	open = 0
	indent = index($0, "-") - 1
	name = $3
	slashes = gsub(/\//, "/", name)
	if (indent <= 4 * slashes && said[$3] !~ /as part of|is the process that|ordinary user's run/) {
		skipped[++n] = $3
		why[n] = said[$3] == "" ? "no reason given" : said[$3]
		sub(/^(dockertest: )?SKIPPED, this (machine|host) lacks: */, "lacking: ", why[n])
		sub(/^SKIPPED [A-Za-z0-9_\/]+: /, "", why[n])
	}
	next
}

/^(ok|FAIL)[ \t]+[^ \t]+/ { flush($2) }

END {
	flush("?")
	for (i = 1; i <= reasons; i++)
		print "  " order[i] tests[order[i]]
}
