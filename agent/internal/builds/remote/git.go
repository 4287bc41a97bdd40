//go:build linux

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/thread"
	"github.com/caisson-dev/caisson/internal/api"
)

// Repository is a repository to be cloned.
type Repository struct {
	Remote   string // a URL, or USER@HOST:PATH
	Ref      string // a branch, a tag or a commit; "": the default branch
	Checksum string // the commit, or its beginning, that Ref must lead to; "": any
	KeepGit  bool   // with its directory .git
	NoSub    bool   // without submodules
	SSH      string // the socket of an SSH agent; "": none
}

var commitName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`) })

// Clone puts the repository's files into dir, which is empty, and returns the commit.
//
// Errors: api.ErrUnsupported when there is no git; api.ErrInvalidArgument for names that are none, and when the commit is not
// the one of Checksum; the cause of ctx.
func (r Repository) Clone(ctx context.Context, dir string) (commit string, err error) {
	if err := r.check(); err != nil {
		return "", err
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return "", api.Errorf(api.ErrUnsupported, "repository %s: there is no git program: install git", redact(r.Remote))
	}
	home, err := os.MkdirTemp(filepath.Dir(dir), "git-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	g := &git{ctx: ctx, program: program, dir: dir, env: r.environment(home)}
	if commit, err = r.fetch(g); err != nil {
		return "", fmt.Errorf("repository %s: %w", redact(r.Remote), err)
	}
	if r.KeepGit {
		return commit, nil
	}
	return commit, removeGit(dir)
}

func (r Repository) check() error {
	for _, c := range []struct{ what, text string }{{"repository", r.Remote}, {"ref", r.Ref}} {
		if strings.HasPrefix(c.text, "-") || strings.ContainsAny(c.text, "\x00\n") {
			return api.Errorf(api.ErrInvalidArgument, "%s %q: it can't be the name of one", c.what, c.text)
		}
	}
	if r.Remote == "" {
		return api.Errorf(api.ErrInvalidArgument, "repository: name one")
	}
	return nil
}

// environment is git's: nothing of this user's configuration, no questions, and only protocols of networks.
func (r Repository) environment(home string) []string {
	env := []string{
		"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_ALLOW_PROTOCOL=http:https:ssh:git",
		"GIT_SSH_COMMAND=ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=" + filepath.Join(home, "known_hosts"),
	}
	for _, name := range []string{"PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if r.SSH != "" {
		env = append(env, "SSH_AUTH_SOCK="+r.SSH)
	}
	return env
}

// fetch fetches one commit and checks it out. A server that can't give so little gives all.
func (r Repository) fetch(g *git) (string, error) {
	if _, err := g.run("init", "--quiet", "--initial-branch=main", "."); err != nil {
		return "", err
	}
	if _, err := g.run("remote", "add", "origin", "--", r.Remote); err != nil {
		return "", err
	}
	ref := r.Ref
	if ref == "" {
		ref = "HEAD"
	}
	at := "FETCH_HEAD"
	if _, err := g.run("fetch", "--quiet", "--no-tags", "--depth=1", "origin", ref); err != nil {
		if g.ctx.Err() != nil {
			return "", context.Cause(g.ctx)
		}
		if commitName().MatchString(ref) {
			_, err = g.run("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
			at = ref
		} else {
			_, err = g.run("fetch", "--quiet", "--no-tags", "origin", ref)
		}
		if err != nil {
			return "", err
		}
	}
	commit, err := g.run("rev-parse", "--verify", at+"^{commit}")
	if err != nil {
		return "", err
	}
	commit = strings.TrimSpace(commit)
	if r.Checksum != "" && !strings.HasPrefix(commit, strings.ToLower(r.Checksum)) {
		return "", api.Errorf(api.ErrInvalidArgument, "%s is the commit %s, and %s is wanted: find out which of them is right", ref, commit, r.Checksum)
	}
	if _, err := g.run("-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", commit); err != nil {
		return "", err
	}
	if r.NoSub {
		return commit, nil
	}
	if _, err := os.Lstat(filepath.Join(g.dir, ".gitmodules")); errors.Is(err, fs.ErrNotExist) {
		return commit, nil
	}
	_, err = g.run("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
	return commit, err
}

// removeGit removes what git keeps beside the files, in submodules too.
func removeGit(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != ".git" {
			return err
		}
		if err := os.RemoveAll(p); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// git runs the program in one directory.
type git struct {
	ctx     context.Context
	program string
	dir     string
	env     []string
}

// most is how much of what git says is kept.
const most = 64 << 10

func (g *git) run(args ...string) (string, error) {
	var out, said limited
	cmd := exec.CommandContext(g.ctx, g.program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = g.dir, g.env, &out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) } // its helpers, too
	err := thread.RunApart(func() error {                                          // the thread lives as long as git, which ends with it
		unix.Umask(0o022)
		return cmd.Run()
	})
	if g.ctx.Err() != nil {
		return "", context.Cause(g.ctx)
	}
	if err != nil {
		text := strings.TrimSpace(said.String())
		if i := strings.LastIndex(text, "fatal: "); i >= 0 {
			text = text[i+len("fatal: "):]
		}
		return "", api.Errorf(api.ErrInvalidArgument, "git %s: %s", args[0], oneLine(text, err))
	}
	return out.String(), nil
}

func oneLine(text string, err error) string {
	if text == "" {
		return err.Error()
	}
	var words []string
	for w := range strings.FieldsSeq(text) {
		words = append(words, redact(w))
	}
	return strings.Join(words, " ")
}

// limited keeps the beginning of what is written.
type limited struct{ bytes.Buffer }

// Write takes all.
func (l *limited) Write(p []byte) (int, error) {
	if left := most - l.Len(); left > 0 {
		l.Buffer.Write(p[:min(left, len(p))])
	}
	return len(p), nil
}
