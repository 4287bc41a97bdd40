package dockerfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// vars are variables in the order in which they were set first.
type vars struct {
	list  []string // NAME=VALUE
	index map[string]int
	size  int
	own   bool // list and index are no other copy's
}

func varsOf(env []string) *vars {
	out := &vars{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		out.set(name, value)
	}
	return out
}

// copy shares memory until one of the two is changed.
func (v *vars) copy() *vars {
	v.own = false
	out := *v
	return &out
}

// env is the variables as they are now, for others to keep.
func (v *vars) env() []string {
	v.own = false
	return slices.Clip(v.list)
}

func (v *vars) set(name, value string) {
	if !v.own {
		v.list, v.index, v.own = slices.Clone(v.list), maps.Clone(v.index), true
		if v.index == nil {
			v.index = map[string]int{}
		}
	}
	v.size += len(name) + len(value) + 2
	if i, ok := v.index[name]; ok {
		v.size -= len(v.list[i]) + 1
		v.list[i] = name + "=" + value
		return
	}
	v.index[name] = len(v.list)
	v.list = append(v.list, name+"="+value)
}

// check tells of variables that no process could have.
func (v *vars) check(name, value string) error {
	if n := len(name) + len(value) + 2; n > maxVariable {
		return fmt.Errorf("the variable %s has %d bytes: a process can have one of at most %d", short(name), n, maxVariable)
	}
	if v.size > maxEnv {
		return fmt.Errorf("the variables have %d bytes together: a process can have at most %d", v.size, maxEnv)
	}
	return nil
}

// Get implements shell.EnvGetter.
func (v *vars) Get(name string) (string, bool) {
	i, ok := v.index[name]
	if !ok {
		return "", false
	}
	_, value, _ := strings.Cut(v.list[i], "=")
	return value, true
}

// Keys implements shell.EnvGetter.
func (v *vars) Keys() []string {
	out := make([]string, len(v.list))
	for i, kv := range v.list {
		out[i], _, _ = strings.Cut(kv, "=")
	}
	return out
}

// expander replaces variables, within bounds: a few lines that set a variable to ten times itself would fill the memory.
type expander struct {
	lex  *shell.Lex
	left int // of maxExpanded
}

// metered gives values until there are too many.
type metered struct {
	shell.EnvGetter
	left int
	over bool
}

func (m *metered) Get(name string) (string, bool) {
	value, ok := m.EnvGetter.Get(name)
	if m.left -= len(value); m.left < 0 {
		m.over = true
		return "", ok
	}
	return value, ok
}

// replaces finds ${NAME/PATTERN/TEXT}, which can put a text in the place of each byte.
var replaces = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{\w+/`) })

// budget is what the variables of a word may have together.
func (e *expander) budget(word string) int {
	most := min(maxWord, e.left)
	if replaces().MatchString(word) {
		return min(most, 8<<10, 128<<20/len(word))
	}
	return most
}

func (e *expander) use(lex *shell.Lex, word string, env shell.EnvGetter) (shell.ProcessWordResult, error) {
	if !strings.ContainsAny(word, `$\'"`) && lex == e.lex && !strings.ContainsRune(word, '`') {
		return shell.ProcessWordResult{Result: word}, nil
	}
	m := &metered{EnvGetter: env, left: e.budget(word)}
	most := m.left
	res, err := lex.ProcessWordWithMatches(word, m)
	e.left -= most - max(m.left, 0)
	if m.over || len(res.Result) > maxWord {
		return res, fmt.Errorf("the values of the variables in %q are too long together: a Dockerfile may not grow without bound", short(word))
	}
	if err != nil {
		return res, fmt.Errorf("%s", reword(strings.TrimPrefix(short(err.Error()), fmt.Sprintf("failed to process %q: ", word))))
	}
	return res, nil
}

// word replaces variables and takes quotes away.
func (e *expander) word(word string, env shell.EnvGetter) (shell.ProcessWordResult, error) {
	return e.use(e.lex, word, env)
}

// text replaces variables and leaves quotes, as in a here-document.
func (e *expander) text(text string, env shell.EnvGetter) (shell.ProcessWordResult, error) {
	lex := shell.NewLex('\\')
	lex.SkipProcessQuotes = true
	return e.use(lex, text, env)
}

// words replaces variables and splits what becomes of it.
func (e *expander) words(word string, env shell.EnvGetter) ([]string, error) {
	m := &metered{EnvGetter: env, left: e.budget(word)}
	out, err := e.lex.ProcessWords(word, m)
	if m.over {
		return nil, fmt.Errorf("the values of the variables in %q are too long together", short(word))
	}
	return out, err
}
