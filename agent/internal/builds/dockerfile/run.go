package dockerfile

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// run plans a RUN.
func (r *reader) run(ctx context.Context, c *instructions.RunCommand) (*Run, error) {
	args, script, err := heredoc(c)
	if err != nil {
		return nil, err
	}
	if c.PrependShell {
		args = r.state.withShell(args)
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("the command is empty")
	}
	for _, a := range args {
		if len(a) >= maxVariable {
			return nil, fmt.Errorf("an argument of the command has %d bytes: a process can have one of at most %d: put the text into a file by COPY", len(a), maxVariable-1)
		}
	}
	out := &Run{
		Args: args, Env: r.state.env.env(), Dir: r.state.image.Config.WorkingDir, User: r.state.image.Config.User,
		Hosts: r.Hosts, Script: script,
	}
	out.Proxies = r.proxies()
	if out.Network, err = r.network(c); err != nil {
		return nil, err
	}
	if err := r.rights(c); err != nil {
		return nil, err
	}
	if out.Mounts, err = r.mounts(ctx, c, out); err != nil {
		return nil, err
	}
	r.state.did("RUN "+r.state.said(args), true)
	return out, nil
}

// heredoc is the command with its here-documents: the text of a single one is what the shell runs, or a program of its own.
func heredoc(c *instructions.RunCommand) (args []string, script *File, err error) {
	args = c.CmdLine
	if len(c.Files) == 0 {
		return args, nil, nil
	}
	if len(args) != 1 || !c.PrependShell {
		return nil, nil, fmt.Errorf("a here-document goes with a command in the shell form")
	}
	if parser.MustParseHeredoc(args[0]) == nil { // a command that reads them: the shell knows how
		var b strings.Builder
		b.WriteString(args[0])
		for _, f := range c.Files {
			b.WriteString("\n" + f.Data + f.Name)
		}
		return []string{b.String()}, nil, nil
	}
	data := c.Files[0].Data
	if c.Files[0].Chomp {
		data = parser.ChompHeredocContent(data)
	}
	if strings.HasPrefix(data, "#!") {
		script = &File{c.Files[0].Name, data}
		return []string{path.Join(Scripts, script.Name)}, script, nil
	}
	return []string{data}, nil, nil
}

// said is a command as an image's history has it: with the ARGs that it sees.
func (s *state) said(args []string) string {
	var parts []string
	for _, name := range s.args {
		v, _ := s.env.Get(name)
		parts = append(parts, name+"="+v)
	}
	if len(parts) > 0 {
		parts = append([]string{fmt.Sprintf("|%d", len(parts))}, parts...)
	}
	return strings.Join(append(parts, args...), " ")
}

// proxyNames are variables that steps have without an ARG, and that are in no key and in no history.
var proxyNames = []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"}

// proxies are those of the options, in both spellings, over those of the environment.
func (r *reader) proxies() []string {
	out := &vars{}
	for _, kv := range r.Proxies {
		name, value, _ := strings.Cut(kv, "=")
		out.set(name, value)
	}
	for _, name := range proxyNames {
		for _, spelled := range []string{name, strings.ToUpper(name)} {
			if v, ok := r.Args[spelled]; ok {
				out.set(name, v)
				out.set(strings.ToUpper(name), v)
			}
		}
	}
	list := out.env()
	kept := list[:0:0]
	for _, kv := range list {
		name, _, _ := strings.Cut(kv, "=")
		if _, ok := r.state.env.Get(name); !ok {
			kept = append(kept, kv)
		}
	}
	return kept
}

// network is what the step reaches. A Dockerfile alone must not open the host's network: it comes from anywhere.
func (r *reader) network(c *instructions.RunCommand) (string, error) {
	of := r.Network
	if of == "default" {
		of = ""
	}
	switch n := instructions.GetNetwork(c); n {
	case instructions.NetworkNone:
		return "none", nil
	case instructions.NetworkHost:
		if of != "host" {
			return "", fmt.Errorf("--network=host: a Dockerfile can't give a step the host's network: build with BuildOptions.Run.Network host (docker build --network host) if this one may have it")
		}
		return "host", nil
	case instructions.NetworkDefault, "":
		return of, nil
	default:
		return "", fmt.Errorf("--network=%s: it must be default, none or host", n)
	}
}

// rights are what a step must not have.
func (r *reader) rights(c *instructions.RunCommand) error {
	if s := instructions.GetSecurity(c); s == instructions.SecurityInsecure {
		return fmt.Errorf("--security=insecure: steps are confined as containers are, and a build has no option that changes it: leave the flag out")
	}
	for _, f := range c.FlagsUsed {
		if f == "device" {
			return fmt.Errorf("--device: steps have no devices of the host: leave the flag out")
		}
	}
	return nil
}

// mounts plans each --mount.
func (r *reader) mounts(ctx context.Context, c *instructions.RunCommand, run *Run) ([]Mount, error) {
	var out []Mount
	sockets := 0
	for _, m := range instructions.GetMounts(c) {
		p, err := r.mount(ctx, m)
		if err != nil {
			if known(err) {
				return nil, err
			}
			return nil, fmt.Errorf("--mount=type=%s: %w", m.Type, err)
		}
		if p.Type == string(instructions.MountTypeSSH) {
			p.Target = socket(p.Target, sockets, run)
			sockets++
		}
		out = append(out, p)
	}
	return out, nil
}

// socket is where the step sees an SSH agent, the first of which the variable names that programs look at.
func socket(target string, before int, run *Run) string {
	if target == "" {
		target = fmt.Sprintf("/run/buildkit/ssh_agent.%d", before)
	}
	if before == 0 {
		run.Env = append(slices.Clip(run.Env), "SSH_AUTH_SOCK="+target)
	}
	return target
}

func (r *reader) mount(ctx context.Context, m *instructions.Mount) (Mount, error) {
	out := Mount{Type: string(m.Type), ReadOnly: m.ReadOnly, Size: m.SizeLimit, ID: m.CacheID, Sharing: string(m.CacheSharing), Required: m.Required}
	if m.Mode != nil {
		mode := uint32(*m.Mode)
		out.Mode = &mode
	}
	out.UID, out.GID = number(m.UID), number(m.GID)
	var err error
	switch m.Type {
	case instructions.MountTypeSecret:
		err = secretMount(m, &out)
	case instructions.MountTypeSSH:
		err = sshMount(m, &out)
	case instructions.MountTypeTmpfs:
	default:
		out.Path = clean(m.Source)
		out.From, err = r.mountFrom(ctx, m)
	}
	if err != nil {
		return out, err
	}
	switch {
	case out.Target != "":
		out.Target = r.state.inside(out.Target)
		return out, nil
	case m.Type == instructions.MountTypeSecret || m.Type == instructions.MountTypeSSH:
		return out, nil
	}
	if m.Target == "" {
		return out, fmt.Errorf("it has no target: say where it is seen with target=/PATH")
	}
	out.Target = r.state.inside(m.Target)
	if out.Target == "/" {
		return out, fmt.Errorf("invalid mount target %q: it must not be the root", m.Target)
	}
	if m.Type == instructions.MountTypeCache && out.ID == "" {
		out.ID = path.Clean(m.Target)
	}
	return out, nil
}

// inside is a target seen from the working directory.
func (s *state) inside(target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join("/", s.image.Config.WorkingDir, target)
}

func number(n *uint64) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// mountFrom is where a bind has its files, and what a cache begins with.
func (r *reader) mountFrom(ctx context.Context, m *instructions.Mount) (Source, error) {
	if m.From != "" {
		return r.from(ctx, "RUN", m.From)
	}
	if m.Type == instructions.MountTypeCache {
		return Source{}, nil
	}
	return Source{Main: true}, nil
}

// from is the source that a flag names.
func (r *reader) from(ctx context.Context, instruction, ref string) (Source, error) {
	if isNumber(ref) && r.find(ref, r.st.index) == nil {
		return Source{}, r.wrong(r.line, "%s copies from stage %s, which is not an earlier stage: stages are numbered from 0", instruction, ref)
	}
	return r.source(ctx, ref, false)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func secretMount(m *instructions.Mount, out *Mount) error {
	if m.Source != "" {
		out.ID = m.Source
	}
	if out.ID == "" {
		out.ID = path.Base(m.Target)
	}
	if m.Env != nil {
		out.Env = *m.Env
		if out.Env == "" {
			out.Env = out.ID
		}
		out.Target = m.Target
		return nil
	}
	if out.Target = m.Target; out.Target == "" {
		out.Target = "/run/secrets/" + path.Base(out.ID)
	}
	return nil
}

func sshMount(m *instructions.Mount, out *Mount) error {
	if m.Source != "" {
		return fmt.Errorf("it has no source: name the agent with id=")
	}
	if out.ID == "" {
		out.ID = "default"
	}
	out.Target = m.Target // empty: see socket
	return nil
}
