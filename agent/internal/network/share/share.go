package share

import "sync"

// Kind is something that a process has only so much of.
type Kind int

// The kinds.
const (
	Descriptors Kind = iota // open files
	Flows                   // connections and sessions that this process keeps in memory
	Sessions                // of UDP, each of which takes a port of the host from everybody
	Pending                 // connections and questions that nobody has answered yet
	kinds
)

// Amount is how much of each kind.
type Amount [kinds]int

// Pool is what all hold together. Its methods are safe for concurrent use.
type Pool struct {
	size Amount

	mu     sync.Mutex
	all    Amount
	groups map[string]*group
}

type group struct {
	all     Amount
	members map[string]*Amount
}

// New returns a pool.
func New(size Amount) *Pool { return &Pool{size: size, groups: map[string]*group{}} }

// admits is the rule: what a member, its group and all hold together stays below the size. A member that is alone comes
// to a third of it, and many members of one group come to half. So n groups that take all they can leave a part in n+1
// of it to others, and who holds little of it gets more when who holds much does not.
func admits(size, all, group, member, want Amount) bool {
	for k, n := range want {
		if n > 0 && all[k]+group[k]+member[k]+n > size[k] {
			return false
		}
	}
	return true
}

func (a *Amount) add(b Amount, sign int) {
	for k, n := range b {
		a[k] += sign * n
	}
}

// Lease is what a member has taken.
type Lease struct {
	p           *Pool
	group, name string
	held        Amount // guarded by the pool
}

// Take takes all that is wanted, or nothing: nil.
func (p *Pool) Take(groupName, member string, want Amount) *Lease {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, m := p.find(groupName, member)
	if !admits(p.size, p.all, g.all, *m, want) {
		p.tidy(groupName, member)
		return nil
	}
	p.all.add(want, 1)
	g.all.add(want, 1)
	m.add(want, 1)
	return &Lease{p: p, group: groupName, name: member, held: want}
}

func (p *Pool) find(groupName, member string) (*group, *Amount) {
	g := p.groups[groupName]
	if g == nil {
		g = &group{members: map[string]*Amount{}}
		p.groups[groupName] = g
	}
	m := g.members[member]
	if m == nil {
		m = new(Amount)
		g.members[member] = m
	}
	return g, m
}

// tidy forgets who holds nothing.
func (p *Pool) tidy(groupName, member string) {
	g := p.groups[groupName]
	if *g.members[member] == (Amount{}) {
		delete(g.members, member)
	}
	if len(g.members) == 0 {
		delete(p.groups, groupName)
	}
}

// Held is what a member holds.
func (p *Pool) Held(groupName, member string) Amount {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[groupName]; g != nil {
		if m := g.members[member]; m != nil {
			return *m
		}
	}
	return Amount{}
}

// Return gives a part back, at most what is left of it.
func (l *Lease) Return(part Amount) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.give(part)
}

// Release gives all back that is left. Releasing twice, or nil, is harmless.
func (l *Lease) Release() {
	if l == nil {
		return
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.give(l.held)
}

func (l *Lease) give(part Amount) {
	for k := range part {
		part[k] = min(part[k], l.held[k])
	}
	if part == (Amount{}) {
		return
	}
	g, m := l.p.find(l.group, l.name)
	l.p.all.add(part, -1)
	g.all.add(part, -1)
	m.add(part, -1)
	l.held.add(part, -1)
	l.p.tidy(l.group, l.name)
}
