package bench

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
)

// Scenario is what each client of a closed load does, over and over: a session, made of
// steps such as to log in, to order and to pay.
type Scenario struct {
	Name string // recorded with the stages
	HTTP HTTP   // the server: its URL without a path, TLS, and header lines that each step sends

	// Session is one session of one client. It is called from the goroutine of its client,
	// as many at once as there are clients. It returns once a step is not OK.
	Session func(*Session)
}

// Step is a request of a session.
type Step struct {
	Method string // GET where empty
	Path   string // with its query
	Header []string
	Body   []byte
}

// Answer is how a step ended.
type Answer struct {
	OK      bool
	Outcome result.Outcome
	Status  int    // 0 where there is no reply
	Body    []byte // at most its first 64 KB, until the next step
}

// mostSteps is how many steps a scenario may have: each is a stage, and takes over 1 MB.
const mostSteps = 100

// Run runs a stage of sessions: a closed load. The first stage returned is of the
// sessions, whose latency runs from their planned start to the end of their last step,
// think times included; their outcome is that of the first step that is not ok. The
// others are of the steps, in the order in which these came up, each with the setting
// step. A step is planned for the instant at which the one before has ended, or its think
// time has passed. Stages of steps are valid where that of the sessions is, have slices of
// the same window, and leave out what the machine disturbed in it.
func (sc Scenario) Run(ctx context.Context, p Plan) ([]*result.Stage, error) {
	h := sc.HTTP
	if err := field.First(
		field.Check(sc.Session != nil, "Session", "nil", "a function"),
		field.Check(p.Load.Model() == load.Closed, "Load", p.Load, "clients"),
		field.Check(h.Data == nil && h.Mix == nil && h.Fill == nil && h.Accepted == nil && h.Body == nil && h.Method == "" && h.Stream == (Stream{}), "HTTP", "a request", "URL, TLS, Header, NewConnection, Cookies and Follow only, for each step has a request of its own"),
		h.Validate(),
	); err != nil {
		return nil, err
	}
	requests, err := h.Requests()
	if err != nil {
		return nil, err
	}
	base, want := parseURL(h.URL)
	if err := field.Check(want == "" && strings.Trim(base.Path, "/") == "" && base.RawQuery == "", "URL", shown(h.URL), "an address without a path, as each step has its own"); err != nil {
		return nil, err
	}
	d := &sessions{scenario: sc, plan: p.withDefaults(), base: base, steps: map[string]*step{}}
	plain := h.dial(requests)
	dial := func(ctx context.Context) (Conn, error) {
		conn, err := plain(ctx)
		if err == nil {
			conn.(*httpConn).reader.Keep = true
		}
		return conn, err
	}
	settings := h.Settings().With(result.KeyScenario, sc.Name).With(result.KeyStep, result.SessionStep)
	d.GoroutineDriver = GoroutineDriver{RequestSettings: settings, untimed: true, Found: requests.Found}
	d.Dial = func(ctx context.Context) (Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &sessionConn{all: d, browser: newBrowser(h, dial, conn.(*httpConn))}, nil
	}
	whole, err := Run(ctx, p, d)
	if err == nil {
		err = d.wrong
	}
	if err != nil {
		return nil, err
	}
	stages := []*result.Stage{whole}
	for _, s := range d.order {
		m := s.rec.merge()
		s.rec.fold.result(&m)
		m.stage.Settings = whole.Settings.With(result.KeyStep, s.name)
		m.stage.Invalid = slices.Clone(whole.Invalid)
		if m.stage.Counts.Planned() == 0 {
			m.stage.Invalidate("no session came to this step in the measured window")
		}
		folded(m)
		endings(m)
		m.stage.Intervals = series.Intervals(m.stage)
		stages = append(stages, m.stage)
	}
	return stages, nil
}

// sessions drive a scenario.
type sessions struct {
	GoroutineDriver
	scenario Scenario
	plan     Plan
	base     *url.URL
	rec      *Recorder // of the sessions

	mu    sync.Mutex // guards what follows
	steps map[string]*step
	order []*step
	wrong error // of a step that cannot be sent
}

// step is where the arrivals of a step are recorded.
type step struct {
	name  string
	rec   *Recorder
	shard lockedShard
}

// Drive implements [Driver].
func (d *sessions) Drive(ctx context.Context, p Plan, rec *Recorder) error {
	d.rec = rec
	return d.GoroutineDriver.Drive(ctx, p, rec)
}

func (d *sessions) step(name string) *step {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.steps[name]
	if s == nil && len(d.order) == mostSteps {
		if d.wrong == nil {
			d.wrong = field.Check(false, "Step", name, fmt.Sprintf("one of at most %d names: a step is named by what it does, not by whom or what it is for", mostSteps))
			d.rec.abort()
		}
		return d.order[0]
	}
	if s == nil {
		s = &step{name: name, rec: &Recorder{plan: d.plan, from: d.rec.from, window: d.rec}}
		s.shard.shard = s.rec.NewShard()
		s.rec.fold = d.rec.fold.newPart(s.rec)
		d.steps[name] = s
		d.order = append(d.order, s)
	}
	return s
}

// sessionConn is a client's connection, one request of which is a session.
type sessionConn struct {
	*browser
	all     *sessions
	planned time.Duration // the start of the next session
}

func (c *sessionConn) begin(of *client, planned time.Duration) {
	c.browser.begin(of, planned)
	c.planned = planned
}

// Do implements [Conn]. The limit is that of a step.
func (c *sessionConn) Do(timeout time.Duration) Reply {
	clients := uint64(max(1, c.all.plan.Load.Clients))
	if c.http.Cookies {
		c.jar = newJar()
	}
	s := &Session{Client: int(c.number % clients), Iteration: int(c.number / clients), conn: c, next: c.planned, last: clock.Now()}
	c.all.scenario.Session(s)
	s.reply.Spent = c.conn == nil
	return s.reply
}

// Session is one session of one client. It begins without cookies.
type Session struct {
	Client, Iteration int // from 0: which client it is, and how many sessions it had before

	conn  *sessionConn
	next  time.Duration // when the next step is planned
	last  time.Duration // when the connection was last used
	reply Reply         // of the first step that is not ok
}

// Think pauses for that long after the last step.
func (s *Session) Think(d time.Duration) {
	s.next += max(0, d)
	clock.Sleep(s.conn.closed, s.next)
}

// Fail makes the outcome of the session an error, for that reason, where all its steps
// are ok: the reply is not what it should be.
func (s *Session) Fail(why string) {
	if s.reply.Outcome == result.OK {
		s.reply.Outcome, s.reply.Why = result.Error, why
	}
}

// Do makes the request of a step, which is named by what it does. A body may have a token
// that a later step carries on.
func (s *Session) Do(name string, r Step) Answer {
	c := s.conn
	to := c.all.step(name)
	to.shard.begin(s.next)
	sent := clock.Now()
	reply, status, body := c.exchange(r, sent, sent-s.last > exchange.Rested, to)
	done := clock.Now()
	select {
	case <-c.closed:
		if reply.Outcome != result.OK {
			reply.Outcome, reply.Why = result.Unfinished, exchange.InFlight
		}
	default:
		if exchange.TooLate(reply.Outcome, done-sent, c.all.plan.Timeout) {
			reply.Outcome, reply.Why, reply.Spent = result.Timeout, exchange.NoReply, true
		}
	}
	if reply.Spent || c.all.plan.NewConnection {
		c.hangUp()
	}
	to.shard.record(Arrival{Planned: s.next, Sent: sent, First: reply.first(done), Done: done, Status: reply.Status, Redirects: reply.Redirects, Outcome: reply.Outcome, Why: reply.Why})
	s.reply.Redirects += reply.Redirects
	if s.reply.Outcome == result.OK && reply.Outcome != result.OK {
		s.reply.Outcome, s.reply.Why = reply.Outcome, name+": "+reply.Why
	}
	s.next, s.last = done, done
	return Answer{OK: reply.Outcome == result.OK, Outcome: reply.Outcome, Status: status, Body: body}
}

// exchange makes a request, over a new connection where there is none.
func (c *sessionConn) exchange(r Step, sent time.Duration, rested bool, to *step) (reply Reply, status int, body []byte) {
	raw, err := c.render(r)
	if err != nil {
		c.all.mu.Lock()
		if c.all.wrong == nil {
			c.all.wrong = field.In("Step", err)
		}
		c.all.mu.Unlock()
		return Reply{Outcome: result.Unsent, Why: err.Error()}, 0, nil
	}
	if c.conn != nil && rested {
		if usable, _ := c.conn.Check(); !usable {
			c.hangUp()
		}
	}
	reply = c.visit(raw, r.Method == "HEAD", c.all.plan.Timeout, &to.shard)
	if c.conn != nil && c.conn.replied {
		status, body = c.conn.reply.Status(), c.conn.reader.Body
	}
	return reply, status, body
}

// render is a step as it is sent.
func (c *sessionConn) render(r Step) ([]byte, error) {
	h := c.all.scenario.HTTP
	h.Method, h.Body = r.Method, r.Body
	h.Header = append(h.Header[:len(h.Header):len(h.Header)], r.Header...)
	if err := field.First(
		field.Check(strings.HasPrefix(r.Path, "/"), "Path", "(a path)", "one that begins with /"),
		field.Check(isToken(h.method()), "Method", "(a method)", "one like GET, HEAD, POST or PUT"),
	); err != nil {
		return nil, err
	}
	l, err := h.lines()
	if err != nil {
		return nil, err
	}
	return h.render(c.all.base, "http://h"+r.Path, l), nil
}
