# Reads what go test -v wrote and makes a line for each place of this project where goroutines stood when a test timed
# out, of the test's process and of those whose traces it has logged: where a hang is.

function close_trace() {
	if (own)
		count[where]++
	own = 0
	open = 0
}

{ sub(/^[ \t]+/, "") }

/goroutine [0-9]+ .*\[.*\]:$/ {
	close_trace()
	open = 1
	calls = 0
	where = $0
	sub(/^[^[]*\[/, "", where)
	sub(/\]:$/, "", where)
	next
}
$0 == "" { close_trace(); next }
# The call that waits, and those of this project.
open && !/^created by |^FAIL|\.go:[0-9]+/ && (calls++ == 0 || /caisson-dev\/caisson/) {
	own = own || /caisson-dev\/caisson/
	sub(/^github\.com\/caisson-dev\/caisson\//, "")
	sub(/\([^()]*\)$/, "")
	where = where " < " $0
}

END {
	close_trace()
	for (where in count)
		print "  " count[where] "x " where
}
