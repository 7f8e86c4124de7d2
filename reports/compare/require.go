package compare

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// Requirement is one condition that stages must meet, such as rejected<1%@level=200.
// It is judged on a single run, without a base.
type Requirement struct {
	Metric string  // the name of a [result.Metric]
	Op     string  // one of RequirementOps
	Value  string  // as it was written, with its unit
	Bound  float64 // the value: nanoseconds, a share from 0 to 1, a rate, bytes

	// Where are the settings of the stages that the condition applies to; where there
	// are none, it applies to every stage.
	Where result.Settings
}

// RequirementOps are the comparisons of a requirement.
var RequirementOps = []string{"<", "<=", ">", ">="}

// Requirements are conditions, all of which must be met.
type Requirements []Requirement

// ParseRequirements reads conditions METRIC OP VALUE[@KEY=VALUE[&KEY=VALUE]…]
// with commas between, for example p99<250ms,rejected<1%@level=200.
//
// The part after @ belongs to its own condition only: the p99 of the example applies
// to every stage. So a condition means the same wherever it stands, and who expects
// otherwise requires too much, which shows, and never too little.
//
// In the value of a setting %2C is a comma, %26 is &, and %25 is %.
func ParseRequirements(text string) (Requirements, error) {
	var rs Requirements
	for part := range strings.SplitSeq(text, ",") {
		r, err := parseRequirement(strings.TrimSpace(part))
		if err != nil {
			if part != text {
				err = fmt.Errorf("%q: %w", part, err)
			}
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func parseRequirement(text string) (Requirement, error) {
	var r Requirement
	condition, where, filtered := strings.Cut(text, "@")
	at := strings.IndexAny(condition, "<>")
	if at < 0 {
		return r, fmt.Errorf("want METRIC, one of %s, and a value, such as p99<250ms", strings.Join(RequirementOps, " "))
	}
	r.Metric, r.Op, r.Value = strings.TrimSpace(condition[:at]), condition[at:at+1], condition[at+1:]
	if rest, ok := strings.CutPrefix(r.Value, "="); ok {
		r.Op, r.Value = r.Op+"=", rest
	}
	r.Value = strings.TrimSpace(r.Value)
	m, ok := result.MetricNamed(r.Metric)
	if !ok {
		return r, fmt.Errorf("there is no metric %q: want one of %s", r.Metric, strings.Join(result.MetricNames(), ", "))
	}
	if r.Bound, ok = m.Unit.Parse(r.Value); !ok || m.Max > 0 && r.Bound > m.Max {
		want := m.Unit.Want()
		if m.Max > 0 {
			want += ", and at most " + m.Unit.Write(m.Max, 0)
		}
		return r, fmt.Errorf("the bound of %s is %q, want %s", r.Metric, r.Value, want)
	}
	if !filtered {
		return r, nil
	}
	var err error
	r.Where, err = parseWhere(where)
	return r, err
}

func parseWhere(text string) (result.Settings, error) {
	var where result.Settings
	for part := range strings.SplitSeq(text, "&") {
		key, raw, ok := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || raw == "" {
			return nil, fmt.Errorf("the text after @ is %q, want a setting of the stages, such as level=200", part)
		}
		if strings.ContainsAny(key, "@<>%") {
			return nil, fmt.Errorf("the text after @ is %q, want the name of a setting before =", key)
		}
		if where.Get(key) != "" {
			return nil, fmt.Errorf("after @, %s is given twice", key)
		}
		value, err := url.PathUnescape(raw)
		if err != nil {
			return nil, fmt.Errorf("the text after @ is %q, want %%25 for a %% in a value", part)
		}
		where = append(where, result.Setting{Key: key, Value: value})
	}
	return where, nil
}

// String writes what ParseRequirements reads.
func (r Requirement) String() string {
	var text strings.Builder
	text.WriteString(r.Metric + r.Op + r.Value)
	for i, kv := range r.Where {
		sign := "&"
		if i == 0 {
			sign = "@"
		}
		text.WriteString(sign + kv.Key + "=" + escapeSetting(kv.Value))
	}
	return text.String()
}

// escapeSetting writes a value without the characters that separate conditions and
// settings.
func escapeSetting(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("%&,", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// String writes what ParseRequirements reads.
func (rs Requirements) String() string {
	texts := make([]string, len(rs))
	for i, r := range rs {
		texts[i] = r.String()
	}
	return strings.Join(texts, ",")
}

// About reports whether the condition applies to stages with these settings.
func (r Requirement) About(s result.Settings) bool {
	return !slices.ContainsFunc(r.Where, func(kv result.Setting) bool { return !sameSetting(kv.Value, s.Get(kv.Key)) })
}

// Check returns an error where a condition applies to none of the planned stages: it
// would never be judged.
func (rs Requirements) Check(planned []result.Settings) error {
	for _, r := range rs {
		if !slices.ContainsFunc(planned, r.About) {
			return fmt.Errorf("%s: %w", r, r.nowhere(planned))
		}
	}
	return nil
}

// nowhere is the reason why the condition applies to none of the stages.
func (r Requirement) nowhere(stages []result.Settings) error {
	if len(stages) == 0 {
		return errors.New("there is no stage")
	}
	for _, kv := range r.Where {
		var keys, values []string
		found := false
		for _, s := range stages {
			for _, has := range s {
				if !slices.Contains(keys, has.Key) {
					keys = append(keys, has.Key)
				}
			}
			if v := s.Get(kv.Key); v != "" && !slices.Contains(values, v) {
				values = append(values, v)
			}
			found = found || sameSetting(kv.Value, s.Get(kv.Key))
		}
		switch {
		case len(values) == 0:
			return fmt.Errorf("no stage has a setting %s: want one of %s", kv.Key, strings.Join(keys, ", "))
		case !found:
			return fmt.Errorf("no stage has %s=%s, only %s", kv.Key, kv.Value, strings.Join(values, ", "))
		}
	}
	return errors.New("no stage has all of these settings at once")
}
