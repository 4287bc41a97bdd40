package format

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Between reads --since and --until.
func Between(from, to *time.Time, since, until string, now time.Time) (err error) {
	if *from, err = Moment(since, now); err != nil {
		return fmt.Errorf("--since %q: %w", since, err)
	}
	if *to, err = Moment(until, now); err != nil {
		return fmt.Errorf("--until %q: %w", until, err)
	}
	return nil
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15Z07:00", "2006-01-02T15",
	"2006-01-02Z07:00", "2006-01-02",
}

// Moment reads a time in Docker's ways: a duration before now, seconds since 1970, or a date with what follows it, of
// this place if it names no zone. An empty text and 0 are the zero time, which is no bound.
func Moment(s string, now time.Time) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMicro(int64(seconds * 1e6)), nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("it must be a duration such as 10m, or a time such as 2006-01-02T15:04:05")
}

// Until reads the filter until of prune and images: the zero time where it is not given.
func (f *Filters) Until(now time.Time) (time.Time, error) {
	values := f.values["until"]
	if len(values) == 0 {
		return time.Time{}, nil
	}
	t, err := Moment(values[len(values)-1], now)
	switch {
	case len(values) > 1:
		err = errors.New("it can't be given more than once")
	case err == nil && t.IsZero():
		err = errors.New("it is empty")
	}
	if err != nil {
		return t, fmt.Errorf("--filter until=%s: %w", values[len(values)-1], err)
	}
	return t, nil
}
