package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var topCommand = command{
	name: "top", args: "CONTAINER", short: "List the processes of a container", min: 1, max: 1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			list, err := ctr.Top(ctx)
			if err != nil {
				return err
			}
			return table(c.out, "UID\tPID\tPPID\tC\tSTIME\tTTY\tTIME\tCMD", topRows(list, time.Now()))
		}
	},
}

// topRows has the columns of ps -ef, as docker top, with the host's process ids.
func topRows(list []container.Process, now time.Time) [][]string {
	host := map[int]int{}
	for _, p := range list {
		host[p.PID] = p.HostPID
	}
	var rows [][]string
	for _, p := range list {
		share, since, tty := 0, p.Started.Local().Format("15:04"), "?"
		age := now.Sub(p.Started)
		if age > 0 {
			share = int(100 * p.CPU / age)
		}
		if age > 24*time.Hour {
			since = p.Started.Local().Format("Jan02")
		}
		if p.TTY {
			tty = "pts/0"
		}
		cpu := int(p.CPU.Seconds())
		rows = append(rows, []string{
			p.User, fmt.Sprint(p.HostPID), fmt.Sprint(host[p.ParentPID]), fmt.Sprint(share), since, tty,
			fmt.Sprintf("%02d:%02d:%02d", cpu/3600, cpu/60%60, cpu%60), strings.Join(p.Command, " "),
		})
	}
	return rows
}
