package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestBuildFlags: docker build's flags become the library's options.
func TestBuildFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("of file"), 0o600))
	t.Setenv("BUILD_TEST_SECRET", "of variable")
	read := func(args ...string) (image.BuildOptions, error) {
		var o image.BuildOptions
		flags := pflag.NewFlagSet("build", pflag.ContinueOnError)
		done := buildFlags(flags, &o)
		require.NoError(t, flags.Parse(args))
		return o, done()
	}
	o, err := read("--pull", "--label=a=b", "--jobs=3", "--squash", "--platform=linux/arm64", "--tls-verify=false",
		"--ssh=default", "--ssh=deploy=/key", "--secret=id=one,src="+file, "--secret=id=two,env=BUILD_TEST_SECRET", "--secret=id=BUILD_TEST_SECRET",
		"--no-cache-filter=one,two", "--no-cache-filter=three", "--cache-from=reg/a", "--cache-from=type=registry,ref=reg/b", "--cache-to=type=registry,ref=reg/c,mode=max", "--build-context=src=dir", "--network=none", "--add-host=a:1.2.3.4", "--build-context=golang=docker-image://golang:1.22")
	require.NoError(t, err)
	require.Equal(t, image.PullAlways, o.Pull)
	require.Equal(t, map[string]string{"a": "b"}, o.Labels)
	require.Equal(t, 3, o.Jobs)
	require.Equal(t, image.ResultOptions{Squash: true}, o.Result)
	require.Equal(t, "linux/arm64", o.Platform)
	require.True(t, o.Transport.Insecure)
	require.Equal(t, map[string]string{"default": "", "deploy": "/key"}, o.Run.SSH)
	require.Equal(t, map[string][]byte{"one": []byte("of file"), "two": []byte("of variable"), "BUILD_TEST_SECRET": []byte("of variable")}, o.Run.Secrets)
	require.Equal(t, []string{"reg/a", "reg/b"}, o.Cache.From)
	require.Equal(t, []string{"one", "two", "three"}, o.Cache.DisableStages)
	require.Equal(t, []string{"reg/c"}, o.Cache.To)
	require.Equal(t, "none", o.Run.Network)
	require.Equal(t, []string{"a:1.2.3.4"}, o.Run.Hosts)
	require.Equal(t, map[string]fs.FS{"src": os.DirFS("dir")}, o.Contexts.Files)
	require.Equal(t, map[string]string{"golang": "golang:1.22"}, o.Contexts.Images)
	o, err = read("--pull=never")
	require.NoError(t, err)
	require.Equal(t, image.PullNever, o.Pull)
	for _, bad := range []string{"--secret=src=x", "--secret=id=x,src=/nonexistent", "--secret=id=x,env=BUILD_TEST_NONE", "--secret=id=x,to=y", "--cache-to=type=local,ref=x", "--cache-from=ref=x",
		"--build-context=src", "--build-context==x", "--build-context=a=https://x"} {
		_, err := read(bad)
		require.Error(t, err, bad)
	}
	require.ErrorContains(t, buildProgress(&o, "loud", false, os.Stderr), "rawjson")
}
