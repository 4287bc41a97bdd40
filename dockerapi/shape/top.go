package shape

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// topColumn is a column of ps.
type topColumn struct {
	head string
	cell func(p container.Process, host map[int]int, now time.Time) string
}

var topKnown = map[string]topColumn{
	"user": {"USER", func(p container.Process, _ map[int]int, _ time.Time) string { return p.User }},
	"pid":  {"PID", func(p container.Process, _ map[int]int, _ time.Time) string { return strconv.Itoa(p.HostPID) }},
	"ppid": {"PPID", func(p container.Process, host map[int]int, _ time.Time) string {
		return strconv.Itoa(host[p.ParentPID])
	}},
	"c": {"C", func(p container.Process, _ map[int]int, now time.Time) string {
		return strconv.Itoa(int(processorShare(p, now)))
	}},
	"pcpu": {"%CPU", func(p container.Process, _ map[int]int, now time.Time) string {
		return strconv.FormatFloat(processorShare(p, now), 'f', 1, 64)
	}},
	"stime": {"STIME", func(p container.Process, _ map[int]int, now time.Time) string {
		if now.Sub(p.Started) > 24*time.Hour {
			return p.Started.Local().Format("Jan02")
		}
		return p.Started.Local().Format("15:04")
	}},
	"etimes": {"ELAPSED", func(p container.Process, _ map[int]int, now time.Time) string {
		return strconv.Itoa(int(now.Sub(p.Started).Seconds()))
	}},
	"tty": {"TTY", func(p container.Process, _ map[int]int, _ time.Time) string {
		if p.TTY {
			return "pts/0"
		}
		return "?"
	}},
	"time": {"TIME", func(p container.Process, _ map[int]int, _ time.Time) string {
		cpu := int(p.CPU.Seconds())
		return fmt.Sprintf("%02d:%02d:%02d", cpu/3600, cpu/60%60, cpu%60)
	}},
	"rss": {"RSS", func(p container.Process, _ map[int]int, _ time.Time) string {
		return strconv.FormatInt(p.Memory>>10, 10)
	}},
	"stat": {"STAT", func(p container.Process, _ map[int]int, _ time.Time) string { return p.State }},
	"nlwp": {"NLWP", func(p container.Process, _ map[int]int, _ time.Time) string { return strconv.Itoa(p.Threads) }},
	"comm": {"COMMAND", func(p container.Process, _ map[int]int, _ time.Time) string {
		if len(p.Command) == 0 {
			return ""
		}
		return p.Command[0][strings.LastIndexByte(p.Command[0], '/')+1:]
	}},
	"args": {"COMMAND", func(p container.Process, _ map[int]int, _ time.Time) string { return strings.Join(p.Command, " ") }},
	// of ps -ef
	"uid": {"UID", func(p container.Process, _ map[int]int, _ time.Time) string { return p.User }},
	"cmd": {"CMD", func(p container.Process, _ map[int]int, _ time.Time) string { return strings.Join(p.Command, " ") }},
}

// topAlso are ps's other names for columns.
var topAlso = map[string]string{
	"command": "args", "ucmd": "comm", "ucomm": "comm", "state": "stat", "s": "stat", "start": "stime", "start_time": "stime", "tt": "tty",
	"tname": "tty", "cputime": "time", "%cpu": "pcpu", "euser": "user", "uname": "user", "rssize": "rss", "rsz": "rss", "thcount": "nlwp",
}

// processorShare is how much of its life a process has computed, in percent.
func processorShare(p container.Process, now time.Time) float64 {
	if age := now.Sub(p.Started); age > 0 {
		return 100 * float64(p.CPU) / float64(age)
	}
	return 0
}

// TopColumns reads the options of ps: -ef, which is the default, aux, and -o with names of columns. There is no ps: the
// engine knows the processes.
func TopColumns(args []string) ([]string, error) {
	full := []string{"uid", "pid", "ppid", "c", "stime", "tty", "time", "cmd"}
	var out []string
	for i := 0; i < len(args); i++ {
		letters := strings.TrimLeft(args[i], "-")
		switch {
		case letters == "o" || letters == "eo":
			i++
			if i == len(args) {
				return nil, fmt.Errorf("top %s: add names of columns, such as pid,user,args", args[i-1])
			}
			names, err := topNames(args[i])
			if err != nil {
				return nil, err
			}
			out = append(out, names...)
		case slices.Contains([]string{"ef", "e", "f", "A", "Af"}, letters):
			out = full
		case letters == "aux" || letters == "ax" || letters == "u":
			out = []string{"user", "pid", "pcpu", "rss", "tty", "stat", "stime", "time", "args"}
		default:
			return nil, fmt.Errorf("top %s: the options of ps that are known here are -ef, aux and -o COLUMN,COLUMN", args[i])
		}
	}
	if len(out) == 0 {
		return full, nil
	}
	if !slices.Contains(out, "pid") {
		return nil, fmt.Errorf("top -o %s: couldn't find the PID field: add pid", strings.Join(out, ","))
	}
	return out, nil
}

func topNames(list string) (out []string, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if as, ok := topAlso[name]; ok {
			name = as
		}
		if _, ok := topKnown[name]; !ok {
			return nil, fmt.Errorf("top -o %s: %q is not a column that is known here: use pid, ppid, user, args, comm, stime, time, tty, stat, pcpu, rss, nlwp or etimes", list, name)
		}
		out = append(out, name)
	}
	return out, nil
}

// TopTable is what ps would print of the processes.
func TopTable(columns []string, list []container.Process, now time.Time) (header []string, rows [][]string) {
	host := map[int]int{}
	for _, p := range list {
		host[p.PID] = p.HostPID
	}
	for _, name := range columns {
		header = append(header, topKnown[name].head)
	}
	for _, p := range list {
		var row []string
		for _, name := range columns {
			row = append(row, topKnown[name].cell(p, host, now))
		}
		rows = append(rows, row)
	}
	return header, rows
}
