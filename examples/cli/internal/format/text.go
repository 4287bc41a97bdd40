package format

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// ShortID is an id as tables have it: 12 digits without the algorithm.
func ShortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	return id[:min(12, len(id))]
}

// Size is bytes in human units, as docker images prints them: 3 digits, powers of 1000.
func Size(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }

// Ago is how long ago t was, such as "5 minutes ago".
func Ago(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// Date is a time as the lists have it under CREATED AT.
func Date(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -0700 MST") }

// Stamp is a time as Docker's JSON has it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Ellipsis cuts s to n characters.
func Ellipsis(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Joined lists labels as docker ps does.
func Joined(labels map[string]string) string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, k+"="+labels[k])
	}
	return strings.Join(list, ",")
}

// Second is a time as Docker's JSON has it of volumes.
func Second(t time.Time) string { return t.Local().Format(time.RFC3339) }
