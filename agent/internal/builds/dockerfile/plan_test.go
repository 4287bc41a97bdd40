package dockerfile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// base has something of everything.
func base() *Image {
	img := empty(defaultPlatform)
	c := &img.Config
	c.Env, c.Cmd, c.Entrypoint, c.User, c.WorkingDir = []string{"PATH=/bin", "A=base"}, []string{"cmd"}, []string{"entry"}, "app", "/srv"
	c.Labels, c.Shell = map[string]string{"of": "base"}, []string{"/bin/bash", "-c"}
	c.Volumes, c.ExposedPorts = map[string]struct{}{"/data": {}}, map[string]struct{}{"80/tcp": {}}
	c.OnBuild = []string{"ENV FROM_BASE=1", "RUN <<E\necho \"it's\"\nE"}
	return img
}

// lastOf is the configuration of a one-stage plan, and its steps that change files.
func lastOf(t *testing.T, text string, opts Options) (*Image, []*Step) {
	t.Helper()
	opts.Base = func(context.Context, Need) (*Base, error) { return &Base{Config: base()}, nil }
	p, err := plan(text, opts)
	require.NoError(t, err, text)
	var steps []*Step
	for _, s := range p.Target.Steps {
		if s.Changes() {
			steps = append(steps, s)
		}
	}
	return p.Target.Image, steps
}

// TestConfig: what each instruction does to a configuration, as BuildKit's dispatcher does it.
func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
	}{
		"nothing":               {"FROM scratch\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/"}`},
		"env":                   {"FROM scratch\nENV A=1 B=\"two words\"\nENV C=$A$A D=${X:-d} A=2\nENV E $A b\n", `{"Env":["PATH=` + defaultPath + `","A=2","B=two words","C=11","D=d","E=2 b"],"WorkingDir":"/"}`},
		"env of one line":       {"FROM scratch\nENV A=1\nENV A=2 B=$A\n", `{"Env":["PATH=` + defaultPath + `","A=2","B=1"],"WorkingDir":"/"}`},
		"no default of an ARG":  {"FROM scratch\nARG A\nENV B=x$A\n", `{"Env":["PATH=` + defaultPath + `","B=x"],"WorkingDir":"/"}`},
		"cmd":                   {"FROM scratch\nCMD a \"b\"\n", `{"Env":["PATH=` + defaultPath + `"],"Cmd":["/bin/sh","-c","a \"b\""],"WorkingDir":"/","ArgsEscaped":true}`},
		"cmd exec":              {"FROM scratch\nCMD [\"a\", \"$A\"]\n", `{"Env":["PATH=` + defaultPath + `"],"Cmd":["a","$A"],"WorkingDir":"/","ArgsEscaped":true}`},
		"shell":                 {"FROM scratch\nSHELL [\"sh\", \"-x\"]\nENTRYPOINT say \\\n  it\nCMD it\n", `{"Env":["PATH=` + defaultPath + `"],"Entrypoint":["sh","-x","say   it"],"Cmd":["sh","-x","it"],"WorkingDir":"/","ArgsEscaped":true,"Shell":["sh","-x"]}`},
		"entrypoint":            {"FROM scratch\nENTRYPOINT [\"a\"]\nENTRYPOINT []\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/"}`},
		"workdir":               {"FROM scratch\nWORKDIR a\nWORKDIR b/../c/\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/a/c"}`},
		"workdir by variable":   {"FROM scratch\nENV D=/x\nWORKDIR ${D}/y\n", `{"Env":["PATH=` + defaultPath + `","D=/x"],"WorkingDir":"/x/y"}`},
		"expose":                {"FROM scratch\nARG P=53/UDP\nEXPOSE 80 $P 8000-8002/tcp\n", `{"ExposedPorts":{"53/udp":{},"80/tcp":{},"8000/tcp":{},"8001/tcp":{},"8002/tcp":{}},"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/"}`},
		"volume":                {"FROM scratch\nVOLUME /a /b\nVOLUME [\"/c d\"]\n", `{"Env":["PATH=` + defaultPath + `"],"Volumes":{"/a":{},"/b":{},"/c d":{}},"WorkingDir":"/"}`},
		"label":                 {"FROM scratch\nENV A=1\nLABEL a=$A b='$A' \"c d\"=e\nLABEL f g\n", `{"Env":["PATH=` + defaultPath + `","A=1"],"WorkingDir":"/","Labels":{"a":"1","b":"$A","c d":"e","f":"g"}}`},
		"stop signal":           {"FROM scratch\nSTOPSIGNAL SIGQUIT\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/","StopSignal":"SIGQUIT"}`},
		"health":                {"FROM scratch\nHEALTHCHECK --interval=5s --retries=3 --start-interval=1s CMD a b\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/","Healthcheck":{"Test":["CMD-SHELL","a b"],"Interval":5000000000,"StartInterval":1000000000,"Retries":3}}`},
		"no health":             {"FROM scratch\nHEALTHCHECK NONE\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/","Healthcheck":{"Test":["NONE"]}}`},
		"onbuild":               {"FROM scratch\nONBUILD RUN <<E\nx $A\nE\nONBUILD USER x\n", `{"Env":["PATH=` + defaultPath + `"],"WorkingDir":"/","OnBuild":["RUN <<E\nx $A\nE","USER x"]}`},
		"of the base":           {"FROM b\n", `{"User":"app","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","A=base","FROM_BASE=1"],"Entrypoint":["entry"],"Cmd":["cmd"],"Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"of":"base"},"Shell":["/bin/bash","-c"]}`},
		"entrypoint over base":  {"FROM b\nENTRYPOINT x\n", `{"User":"app","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","A=base","FROM_BASE=1"],"Entrypoint":["/bin/bash","-c","x"],"Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"of":"base"},"Shell":["/bin/bash","-c"]}`},
		"cmd, then entrypoint":  {"FROM b\nCMD [\"y\"]\nENTRYPOINT [\"x\"]\n", `{"User":"app","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","A=base","FROM_BASE=1"],"Entrypoint":["x"],"Cmd":["y"],"Volumes":{"/data":{}},"WorkingDir":"/srv","Labels":{"of":"base"},"ArgsEscaped":true,"Shell":["/bin/bash","-c"]}`},
		"maps of the base stay": {"FROM b AS x\nFROM x\nLABEL l=1\nVOLUME /v\nEXPOSE 1\nUSER 7\n", `{"User":"7","ExposedPorts":{"1/tcp":{},"80/tcp":{}},"Env":["PATH=/bin","A=base","FROM_BASE=1"],"Entrypoint":["entry"],"Cmd":["cmd"],"Volumes":{"/data":{},"/v":{}},"WorkingDir":"/srv","Labels":{"l":"1","of":"base"},"Shell":["/bin/bash","-c"]}`},
	} {
		img, _ := lastOf(t, c.text, Options{})
		got, err := json.Marshal(img.Config)
		require.NoError(t, err)
		assert.JSONEq(t, c.want, string(got), name)
	}
	img, _ := lastOf(t, "FROM scratch\nMAINTAINER me\nLABEL a=1 b=1\n", Options{Labels: map[string]string{"b": "$A", "c": "3"}, Platform: "linux/arm/v7"})
	assert.Equal(t, map[string]string{"a": "1", "b": "$A", "c": "3"}, img.Config.Labels)
	assert.Equal(t, "me", img.Author)
	assert.Equal(t, "arm v7", img.Architecture+" "+img.Variant)
}

// TestArguments: which value an ARG has.
func TestArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
		args       map[string]string
	}{
		"default":             {"ARG A=1\nRUN x\n", "A=1", nil},
		"given":               {"ARG A=1\nRUN x\n", "A=2", map[string]string{"A": "2", "NOT_DECLARED": "x"}},
		"empty":               {"ARG A=1\nRUN x\n", "A=", map[string]string{"A": ""}},
		"none":                {"ARG A\nRUN x\n", "", nil},
		"not before it":       {"RUN x\nARG A=1\n", "", nil},
		"from another":        {"ARG A=1 B=$A$A\nRUN x\n", "A=1 B=11", nil},
		"of one before FROM":  {"ARG G\nRUN x\n", "G=global", nil},
		"its own default":     {"ARG G=own\nRUN x\n", "G=own", nil},
		"platform":            {"ARG TARGETARCH BUILDPLATFORM TARGETSTAGE\nRUN x\n", "TARGETARCH=amd64 BUILDPLATFORM=linux/amd64 TARGETSTAGE=default", nil},
		"platform by default": {"ARG TARGETARCH=other\nRUN x\n", "TARGETARCH=other", nil},
		"an ENV goes over it": {"ARG A=1\nENV A=2\nRUN x\n", "A=2", nil},
		"an unused default":   {"ARG A=${X:?no}\nRUN x\n", "A=1", map[string]string{"A": "1"}},
		"quoted":              {"ARG A=\"a b\" B='$A'\nRUN x\n", "A=a b B=$A", nil},
	} {
		_, steps := lastOf(t, "ARG G=global\nFROM scratch\n"+c.text, Options{Args: c.args})
		require.Len(t, steps, 1, name)
		assert.Equal(t, c.want, strings.Join(steps[0].Run.Env[1:], " "), name)
	}
	// A stage has the ARGs of the one that it begins with, and not those of others.
	p, err := plan("FROM scratch AS a\nARG A=1\nFROM a\nRUN x\nFROM scratch\nCOPY --from=1 a b\nRUN y\n", Options{})
	require.NoError(t, err)
	assert.Contains(t, p.Stages[1].Steps[0].Run.Env, "A=1")
	assert.NotContains(t, p.Stages[2].Steps[1].Run.Env, "A=1")
}

// TestSteps: what the steps do, as text.
func TestSteps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"run":              {"RUN a  \\\n  b", `RUN a    b|["/bin/sh","-c","a    b"]`},
		"exec":             {`RUN ["a", "b  c"]`, `RUN a b  c|["a","b  c"]`},
		"lower case":       {"run a", `RUN a|["/bin/sh","-c","a"]`},
		"heredoc":          {"RUN <<E\na\nb\nE", "RUN <<E (a...)|[\"/bin/sh\",\"-c\",\"a\\nb\\n\"]"},
		"chomped":          {"RUN <<-E\n\ta\nE", "RUN <<-E (a)|[\"/bin/sh\",\"-c\",\"a\\n\"]"},
		"program":          {"RUN <<E\n#!/x\na\nE", "RUN <<E (#!/x...)|[\"/bin/sh\",\"-c\",\"/dev/pipes/E\"] E=\"#!/x\\na\\n\""},
		"into a command":   {"RUN cat <<E > /f\na $b\nE", "RUN cat <<E > /f|[\"/bin/sh\",\"-c\",\"cat <<E > /f\\na $b\\nE\"]"},
		"copy":             {"COPY a /b", "COPY a /b|a -> /b"},
		"copy dir":         {"COPY a b/", "COPY a b/|a -> /b/"},
		"copy here":        {"WORKDIR /w\nCOPY a .", "WORKDIR /w|/w;COPY a .|a -> /w/"},
		"copy dot":         {"WORKDIR /w\nCOPY a ./x/.", "WORKDIR /w|/w;COPY a ./x/.|a -> /w/x/."},
		"copy json":        {`COPY ["a b", "/c d/"]`, `COPY ["a b", "/c d/"]|a b -> /c d/`},
		"copy heredoc":     {"COPY <<E <<'F' /d/\nit's $A \"x\"\nE\n$A\nF", "COPY <<E <<'F' /d/|E=\"it's base \\\"x\\\"\\n\" F=\"$A\\n\" -> /d/"},
		"empty heredoc":    {"COPY <<E /f\nE", "COPY <<E /f|E=\"\" -> /f"},
		"escapes":          {"COPY <<E /f\na \\$A \\\\ $A\nE", "COPY <<E /f|E=\"a $A \\\\ base\\n\" -> /f"},
		"variables":        {"ARG D=/d F=x\nCOPY --chown=$F:1 $F ${D}/", "COPY --chown=$F:1 $F ${D}/|x -> /d/ chown x:1"},
		"flags":            {"COPY --chmod=u+x --parents --link --exclude=*.o a/./b /c/", "COPY --chmod=u+x --parents --link --exclude=*.o a/./b /c/|a/./b -> /c/ chmod u+x parents link exclude *.o"},
		"add":              {"ADD a.tar http://h/f /d/", "ADD a.tar http://h/f /d/|unpack a.tar url http://h/f -> /d/"},
		"add as it is":     {"ADD --unpack=false a.tar /d/", "ADD --unpack=false a.tar /d/|a.tar -> /d/"},
		"add an archive":   {"ADD --unpack http://h/f /d/", "ADD --unpack http://h/f /d/|unpack url http://h/f -> /d/"},
		"add a repository": {"ADD --keep-git-dir=true https://h/r.git#v1:sub /d", "ADD --keep-git-dir=true https://h/r.git#v1:sub /d|git {https://h/r.git v1 sub  true false} -> /d"},
		"workdir at root":  {"WORKDIR /", ""},
	} {
		_, steps := lastOf(t, "FROM scratch\nARG A=base\n"+c.text+"\n", Options{})
		var got []string
		for _, s := range steps {
			got = append(got, s.Text+"|"+describe(t, s))
		}
		assert.Equal(t, c.want, strings.Join(got, ";"), name)
	}
}

func describe(t *testing.T, s *Step) string {
	t.Helper()
	if s.Dir != nil {
		return s.Dir.Path
	}
	if s.Run != nil {
		b, err := json.Marshal(s.Run.Args)
		require.NoError(t, err)
		args := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(b))
		if f := s.Run.Script; f != nil {
			return fmt.Sprintf("%s %s=%q", args, f.Name, f.Data)
		}
		return args
	}
	out := ""
	for _, i := range s.Copy.Items {
		if i.Unpack {
			out += "unpack "
		}
		switch {
		case i.File != nil:
			out += fmt.Sprintf("%s=%q ", i.File.Name, i.File.Data)
		case i.URL != "":
			out += "url " + i.URL + " "
		case i.Git != nil:
			out += fmt.Sprint("git ", *i.Git, " ")
		default:
			out += i.Path + " "
		}
	}
	out += "-> " + s.Copy.Dest
	for flag, v := range map[string]string{"chown": s.Copy.Owner, "chmod": s.Copy.Mode} {
		if v != "" {
			out += " " + flag + " " + v
		}
	}
	if s.Copy.Parents {
		out += " parents"
	}
	if s.Copy.Link {
		out += " link"
	}
	for _, e := range s.Copy.Exclude {
		out += " exclude " + e
	}
	return out
}

// TestMounts: types and options.
func TestMounts(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"target=/t":                      `{"Type":"bind","From":{"Main":true},"Path":"/","Target":"/t","ReadOnly":true}`,
		"type=bind,source=a,target=t,rw": `{"Type":"bind","From":{"Main":true},"Path":"/a","Target":"/w/t"}`,
		"from=image,src=/a/../b,dst=/t":  `{"Type":"bind","From":{"Ref":"image"},"Path":"/b","Target":"/t","ReadOnly":true}`,
		"type=cache,target=/c/":          `{"Type":"cache","Path":"/","Target":"/c","ID":"/c"}`,
		"type=cache,id=x,sharing=locked,target=/c,uid=1,gid=2,mode=0700": `{"Type":"cache","Path":"/","Target":"/c","ID":"x","Sharing":"locked","Mode":448,"UID":1,"GID":2}`,
		"type=cache,from=image,source=/s,target=/c,ro":                   `{"Type":"cache","From":{"Ref":"image"},"Path":"/s","Target":"/c","ReadOnly":true,"ID":"/c"}`,
		"type=tmpfs,target=/t,size=1m":                                   `{"Type":"tmpfs","Target":"/t","Size":1048576}`,
		"type=secret,id=s":                                               `{"Type":"secret","Target":"/run/secrets/s","ReadOnly":true,"ID":"s"}`,
		"type=secret,target=/x/tok,required,mode=0440":                   `{"Type":"secret","Target":"/x/tok","ReadOnly":true,"ID":"tok","Required":true,"Mode":288}`,
		"type=secret,id=s,env=TOKEN":                                     `{"Type":"secret","ReadOnly":true,"ID":"s","Env":"TOKEN"}`,
		"type=secret,id=s,env=TOKEN,target=t":                            `{"Type":"secret","Target":"/w/t","ReadOnly":true,"ID":"s","Env":"TOKEN"}`,
		"type=ssh":                                                       `{"Type":"ssh","Target":"/run/buildkit/ssh_agent.0","ReadOnly":true,"ID":"default"}`,
		"type=ssh,id=k,target=/s,required":                               `{"Type":"ssh","Target":"/s","ReadOnly":true,"ID":"k","Required":true}`,
		"type=$TYPE,target=$T":                                           `{"Type":"tmpfs","Target":"/by/arg"}`,
	} {
		_, steps := lastOf(t, "FROM scratch\nARG TYPE=tmpfs T=/by/arg\nWORKDIR /w\nRUN --mount="+flag+" x\n", Options{})
		m := steps[1].Run.Mounts[0]
		m.From.Base, m.From.Need = nil, Need{}
		got, err := json.Marshal(m)
		require.NoError(t, err)
		var all, some map[string]any
		require.NoError(t, json.Unmarshal(got, &all))
		for k, v := range all {
			if from, ok := v.(map[string]any); ok && k == "From" {
				for k, v := range from {
					if v == nil || v == "" || v == false || k == "Need" {
						delete(from, k)
					}
				}
				if len(from) == 0 {
					delete(all, k)
				}
			}
			if v == nil || v == "" || v == false || v == 0.0 {
				delete(all, k)
			}
		}
		require.NoError(t, json.Unmarshal([]byte(want), &some))
		assert.Equal(t, some, all, flag)
	}
	_, steps := lastOf(t, "FROM scratch\nRUN --mount=type=ssh --mount=type=ssh,id=b x\n", Options{})
	assert.Equal(t, "/run/buildkit/ssh_agent.1", steps[0].Run.Mounts[1].Target)
	assert.Contains(t, steps[0].Run.Env, "SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0")
}

// TestNetwork: only the options open the host's.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"", "", ""}, {"", "none", "none"}, {"none", "", "none"}, {"none", "none", "none"}, {"none", "default", "none"}, {"host", "", "host"}, {"host", "none", "none"}, {"host", "host", "host"}, {"default", "", ""}} {
		flag := ""
		if c[1] != "" {
			flag = "--network=" + c[1] + " "
		}
		_, steps := lastOf(t, "FROM scratch\nRUN "+flag+"x\n", Options{Network: c[0]})
		assert.Equal(t, c[2], steps[0].Run.Network, c)
	}
	for _, n := range []string{"", "none"} {
		_, err := plan("FROM scratch\nRUN --network=host x\n", Options{Network: n})
		assert.ErrorContains(t, err, "BuildOptions.Run.Network host", n)
	}
}

// TestKeys: what a key depends on, and what not.
func TestKeys(t *testing.T) {
	t.Parallel()
	key := func(text string, opts Options) string {
		_, steps := lastOf(t, "FROM scratch\n"+text+"\n", opts)
		return steps[len(steps)-1].Key
	}
	run := key("RUN x", Options{})
	for _, same := range []struct {
		text string
		opts Options
	}{
		{"LABEL a=1\nEXPOSE 1\nCMD x\nRUN x", Options{}}, {"# note\nRUN  x", Options{}}, {"RUN x", Options{Proxies: []string{"http_proxy=h"}}},
		{"RUN x", Options{Args: map[string]string{"HTTP_PROXY": "h", "other": "1"}}}, {"RUN --network=default x", Options{}}, {"ARG A\nRUN x", Options{}},
	} {
		assert.Equal(t, run, key(same.text, same.opts), same.text)
	}
	for _, other := range []struct {
		text string
		opts Options
	}{
		{"RUN y", Options{}}, {"ENV A=1\nRUN x", Options{}}, {"USER 7\nRUN x", Options{}}, {"WORKDIR /w\nRUN x", Options{}}, {"ARG A=1\nRUN x", Options{}},
		{"SHELL [\"a\"]\nRUN x", Options{}}, {"RUN --network=none x", Options{}}, {"RUN x", Options{Network: "none"}}, {"RUN x", Options{Hosts: []string{"a:1.2.3.4"}}},
		{"RUN --mount=type=tmpfs,target=/t x", Options{}}, {"RUN --mount=type=secret,id=s x", Options{}}, {`RUN ["x"]`, Options{}},
	} {
		assert.NotEqual(t, run, key(other.text, other.opts), other.text)
	}
	assert.Equal(t, key("COPY --from=a f /f", Options{}), key("COPY --from=b f /f", Options{}), "what is in it counts")
	assert.NotEqual(t, key("COPY f /f", Options{}), key("COPY f /g", Options{}))
	assert.NotEqual(t, key("COPY <<E /f\n1\nE", Options{}), key("COPY <<E /f\n2\nE", Options{}))
	assert.NotEqual(t, Chain("a", "bc"), Chain("ab", "c"))
}

// TestOnbuild: the base's instructions come first, and are not in the file.
func TestOnbuild(t *testing.T) {
	t.Parallel()
	img, steps := lastOf(t, "FROM b\nRUN own\n", Options{})
	require.Len(t, steps, 2)
	assert.Equal(t, []string{"/bin/bash", "-c", "echo \"it's\"\n"}, steps[0].Run.Args)
	assert.Contains(t, steps[0].Run.Env, "FROM_BASE=1")
	assert.True(t, steps[0].OnBuild)
	assert.Zero(t, steps[0].Line)
	assert.Equal(t, 2, steps[1].Line)
	assert.Empty(t, img.Config.OnBuild)
	for _, bad := range []string{"FROM x", "ONBUILD USER x", "USER a\nUSER b", "NO x", "RUN", ""} {
		_, err := plan("FROM b\n", Options{Base: func(context.Context, Need) (*Base, error) {
			i := empty(defaultPlatform)
			i.Config.OnBuild = []string{bad}
			return &Base{Config: i}, nil
		}})
		assert.ErrorContains(t, err, "Dockerfile:1: ", bad)
	}
}

// TestHistory: one entry for each instruction but ONBUILD, after those of the base.
func TestHistory(t *testing.T) {
	t.Parallel()
	img, _ := lastOf(t, "FROM scratch\nARG A=1\nENV B=2\nRUN echo x > /x\nCOPY --chown=1 a /b\nWORKDIR /w\nWORKDIR /\nONBUILD USER x\nCMD x\n", Options{})
	var got []string
	for _, h := range img.History {
		got = append(got, fmt.Sprint(h.CreatedBy, " ", !h.EmptyLayer))
	}
	assert.Equal(t, []string{
		"ARG A=1 false", "ENV B=2 false", "RUN |1 A=1 /bin/sh -c echo x > /x true", "COPY --chown=1 a /b true", "WORKDIR /w true", "WORKDIR / false",
		`CMD ["/bin/sh" "-c" "x"] false`,
	}, got)
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FROM scratch as a\nfrom scratch\n":                           "FromAsCasing 1, ConsistentInstructionCasing 2",
		"FROM scratch AS A\nFROM scratch AS a\n":                      "StageNameCasing 1, DuplicateStageName 2",
		"FROM scratch\nMAINTAINER x\n":                                "MaintainerDeprecated 2",
		"FROM scratch\nENV A b\nENV MY_TOKEN=x\n":                     "LegacyKeyValueFormat 2, SecretsUsedInArgOrEnv 3",
		"FROM scratch\nCMD a\nCMD a\n":                                "JSONArgsRecommended 2, MultipleInstructionsDisallowed 2, JSONArgsRecommended 3",
		"FROM scratch\nCOPY $NONE /x\n":                               "UndefinedVar 2",
		"FROM scratch\nARG A\nCOPY a$A /x\n":                          "",
		"FROM scratch\nCOPY left/a /x\n":                              "CopyIgnoredFile 2",
		"FROM scratch\nWORKDIR a\n":                                   "WorkdirRelativePath 2",
		"FROM scratch\nEXPOSE 1/TCP\n":                                "ExposeProtoCasing 2",
		"FROM --platform=linux/amd64 a\n":                             "FromPlatformFlagConstDisallowed 1",
		"FROM --platform=$TARGETPLATFORM a\n":                         "RedundantTargetPlatform 1",
		"FROM scratch\nRUN a \\\n\n  b\n":                             "NoEmptyContinuation 4",
		"# check=skip=all\nFROM scratch as a\n":                       "",
		"FROM scratch\n# check=skip=WorkdirRelativePath\nWORKDIR a\n": "",
		"ARG V=\nFROM a:$V\n":                                         "InvalidDefaultArgInFrom 2",
	} {
		p, err := plan(text, Options{Ignore: []string{"left"}, Args: map[string]string{"V": "1"}})
		require.NoError(t, err, text)
		var got []string
		for _, w := range p.Warnings {
			got = append(got, fmt.Sprint(w.Rule, " ", w.Line))
			assert.NotEmpty(t, w.Message)
		}
		assert.Equal(t, want, strings.Join(got, ", "), text)
	}
}

func TestReadIgnore(t *testing.T) {
	t.Parallel()
	lines, err := ReadIgnore(".dockerignore", []byte("# note\n\n /a/../b \n!c\n(p)\nq(\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "!c", "(p)", "q("}, lines)
	for says, text := range map[string]string{
		"at most 1048576": strings.Repeat("#", MaxIgnore+1), "at most 10000": strings.Repeat("a\n", maxPatterns+1), "! alone": "a\n!\n", "the pattern [": "[\n",
		"longer than any path": strings.Repeat("a", 5000),
	} {
		_, err := ReadIgnore(".dockerignore", []byte(text))
		assert.ErrorContains(t, err, says)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	before := base()
	img, err := Change(before, []string{"ENV A=2 B=$A", "CMD [\"y\"]", "LABEL x=y", "WORKDIR sub", "EXPOSE 1", "ONBUILD USER z", "HEALTHCHECK --timeout=2s CMD ok"})
	require.NoError(t, err)
	assert.Equal(t, []string{"PATH=/bin", "A=2", "B=base"}, img.Config.Env)
	assert.Equal(t, []string{"y"}, img.Config.Cmd)
	assert.Equal(t, "/srv/sub", img.Config.WorkingDir)
	assert.Equal(t, append(base().Config.OnBuild, "USER z"), img.Config.OnBuild)
	assert.Equal(t, &v1.HealthcheckConfig{Test: []string{"CMD-SHELL", "ok"}, Timeout: 2 * time.Second}, img.Config.Healthcheck)
	assert.Equal(t, base(), before, "the image stays as it is")
	img, err = Change(&Image{}, nil)
	require.NoError(t, err)
	assert.Empty(t, img.Config.Env)
	for _, bad := range []string{"RUN x", "ENV", "FROM x", "", "EXPOSE x", "NO"} {
		_, err := Change(before, []string{bad})
		assert.Error(t, err, bad)
	}
}
