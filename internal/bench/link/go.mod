module github.com/caisson-dev/caisson/internal/bench/link

go 1.26.0

replace github.com/caisson-dev/caisson => ../../..
