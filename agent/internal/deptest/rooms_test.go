package deptest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/rooms"
)

const (
	root   = "github.com/caisson-dev/caisson"
	module = root + "/agent"
)

func list(t *testing.T) []rooms.Room {
	t.Helper()
	all, err := rooms.List("../..", module, "-tags", agentbin.BuildTags)
	require.NoError(t, err)
	return all
}

// floors: what is imported stands on a lower floor than who imports it.
var floors = [][]string{
	{"cmd/...", "internal/release/write", "internal/release/binaries"},
	{""},
	{"internal/engine"},
	{"internal/trial"},
	{"internal/builds", "internal/containers"},
	{"internal/commit", "internal/damage", "internal/fork", "internal/selection"},
	{"internal/builds/work"},
	{"internal/images/transfer", "internal/networks", "internal/volumes", "internal/streams", "internal/rootfs", "internal/stage", "internal/records", "internal/launch"},
	{"internal/builds/files", "internal/builds/overlay", "internal/builds/remote", "internal/images", "internal/network", "internal/network/publish", "internal/runc", "internal/spec"},
	{"internal/host", "internal/images/layer", "internal/network/gateway", "internal/eventlog", "internal/tempdir"},
	{
		"internal/apparmor", "internal/builds/dockerfile", "internal/etcfiles", "internal/filedata", "internal/logfile", "internal/names", "internal/network/dns",
		"internal/network/packet", "internal/network/relay", "internal/network/share", "internal/pack", "internal/process", "internal/procstat",
		"internal/seccomp", "internal/state", "internal/untar", "internal/wire",
	},
	{"internal/..."},
	{"internal/thread", "internal/tinyelf"},
}

func TestDirection(t *testing.T) {
	t.Parallel()
	for _, wrong := range rooms.Upward(list(t), module, floors) {
		t.Error(wrong)
	}
}

// TestReach: what a room must not reach, by whatever way.
func TestReach(t *testing.T) {
	t.Parallel()
	agent := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, module+"/internal/"+n)
		}
		return paths
	}
	files := []string{root + "/internal/flock", root + "/internal/atomicfile"}
	own := agent("network")
	for _, wrong := range rooms.Reached(list(t), module, []rooms.Rule{
		{Room: "internal", Forbidden: []string{root + "/dockertest", root + "/registry/server"}, Why: "the agent serves programs, and is no test"},
		{Room: "internal/network", Forbidden: []string{root}, Except: append(append(files, own...), agent("etcfiles", "thread")...), Why: "a network knows neither containers nor images"},
		{Room: "internal/network/plan", Forbidden: []string{root}, Why: "it is pure"},
		{Room: "internal/network/share", Forbidden: []string{root}, Why: "it counts"},
		{Room: "internal/network/dns", Forbidden: own, Except: agent("network/plan"), Why: "the name server is given sockets and records"},
		{Room: "internal/network/publish", Forbidden: own, Except: agent("network/netns", "network/relay"), Why: "a published port needs no network"},
		{Room: "internal/builds/work", Forbidden: agent("builds", "containers", "engine", "images/transfer"), Except: agent("builds/work", "builds/files", "builds/overlay", "builds/remote", "builds/dockerfile"), Why: "it does what a build says, and knows none"},
		{Room: "internal/builds/files", Forbidden: agent("images", "runc", "networks", "host", "state"), Why: "it copies any files"},
		{Room: "internal/builds/remote", Forbidden: agent("images", "runc", "networks", "host", "state"), Why: "it fetches into any directory"},
		{Room: "internal/builds/dockerfile", Forbidden: []string{root}, Except: append(agent("builds/dockerfile"), root+"/internal/api"), Why: "it is pure"},
		{Room: "internal/calls", Forbidden: []string{root}, Except: agent("calls", "tinyelf"), Why: "it starts processes, and knows no container"},
		{Room: "internal/spec", Forbidden: agent("images", "network", "networks", "runc", "state", "volumes"), Why: "it is pure"},
		{Room: "internal/host", Forbidden: []string{root}, Except: agent("host", "apparmor", "seccomp"), Why: "it knows no container"},
		{Room: "internal/etcfiles", Forbidden: []string{root}, Except: agent("etcfiles"), Why: "it is told what a container has"},
		{Room: "internal/images", Forbidden: agent("builds", "containers", "engine", "network", "networks", "rootfs", "runc", "spec", "volumes"), Except: agent("builds/dockerfile"), Why: "images know no containers"},
		{Room: "internal/images/layer", Forbidden: agent("images", "wire"), Why: "a layer knows no store's images"},
		{Room: "internal/pack", Forbidden: agent("images"), Why: "it packs any files"},
		{Room: "internal/untar", Forbidden: agent("images"), Why: "it unpacks any files"},
		{Room: "internal/networks", Forbidden: agent("containers", "images", "runc"), Why: "who is on a network is told it"},
		{Room: "internal/volumes", Forbidden: agent("containers", "images", "runc"), Why: "who mounts a volume is told it"},
		{Room: "internal/rootfs", Forbidden: agent("containers", "images", "runc", "records", "volumes"), Why: "a view knows neither locks nor records"},
		{Room: "internal/launch", Forbidden: agent("containers", "images", "runc", "records", "volumes", "networks"), Why: "it is told of images, volumes and containers"},
		{Room: "internal/records", Forbidden: agent("containers", "images", "runc", "volumes", "networks"), Why: "it keeps files"},
		{Room: "internal/streams", Forbidden: agent("containers", "images", "records"), Why: "it is given processes"},
		{Room: "internal/fork", Forbidden: agent("containers", "images", "runc", "volumes", "networks"), Why: "it copies directories"},
		{Room: "internal/filedata", Forbidden: []string{root}, Except: append(agent("filedata", "diskspace"), root+"/internal/api"), Why: "it copies what is in files"},
		{Room: "internal/procstat", Forbidden: agent("containers", "images", "runc", "records"), Why: "it is given process ids"},
		{Room: "internal/names", Forbidden: []string{root}, Except: append(agent("names"), root+"/internal/api"), Why: "it is pure"},
		{Room: "internal/seccomp", Forbidden: []string{root}, Except: agent("seccomp"), Why: "it compiles profiles alone"},
	}) {
		t.Error(wrong)
	}
}

// larger are the rooms that are larger than a room should be. An exception never grows, and goes when it is not needed.
var larger []rooms.Exception

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, wrong := range rooms.Sizes(list(t), larger) {
		t.Error(wrong)
	}
}
