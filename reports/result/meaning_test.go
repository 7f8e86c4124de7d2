package result_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

func TestParseMeaning(t *testing.T) {
	for _, c := range []struct {
		ok, rejected string
		want         string // outcomes of 200, 302, 404, 429, 500, 503; or the error
	}{
		{"", "", "ok ok error rejected error rejected"},
		{"200-299,404", "", "ok error ok rejected error rejected"},
		{"200-299, 404", "500", "ok error ok rejected rejected rejected"},
		{"", "302,404", "ok rejected rejected rejected error rejected"},
		{"200,503", "", "ok error error rejected error ok"},
		{"100-599", "", "ok ok ok ok ok ok"},
		{"", "429,503", "ok ok error rejected error rejected"},
		{"200", "200", "RejectedStatus is 200, want each status once: 200 is given before, as ok"},
		{"200-299,204", "", "OKStatus is 200-299,204, want each status once: 204 is given before, as ok"},
		{"299-200", "", "OKStatus is 299-200, want a range that rises: 200-299, not 299-200"},
		{"", "600", `RejectedStatus is 600, want statuses and ranges of 100 to 599, such as 200-299,404; not "600"`},
		{"99-200", "", `OKStatus is 99-200, want statuses and ranges of 100 to 599, such as 200-299,404; not "99-200"`},
		{"2xx", "", `OKStatus is 2xx, want statuses and ranges of 100 to 599, such as 200-299,404; not "2xx"`},
		{"200,", "", `OKStatus is 200,, want statuses and ranges of 100 to 599, such as 200-299,404; not ""`},
		{"200-", "", `OKStatus is 200-, want statuses and ranges of 100 to 599, such as 200-299,404; not "200-"`},
	} {
		s, err := result.ParseMeaning(c.ok, c.rejected)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(s.Of(200), s.Of(302), s.Of(404), s.Of(429), s.Of(500), s.Of(503))
		} else if _, ok := errors.AsType[*field.Error](err); !ok {
			t.Errorf("%q %q: %T", c.ok, c.rejected, err)
		}
		if got != c.want {
			t.Errorf("%q %q: %s, want %s", c.ok, c.rejected, got, c.want)
		}
	}
	s, _ := result.ParseMeaning("100-599", "")
	for _, status := range []int{-1, 0, 99, 600, 999} {
		if got := s.Of(status); got != result.Error {
			t.Errorf("%d is %v", status, got)
		}
	}
}

func FuzzParseMeaning(f *testing.F) {
	f.Add("200-299,404", "429,503")
	f.Add("299-200", "-")
	f.Fuzz(func(t *testing.T, ok, rejected string) {
		s, err := result.ParseMeaning(ok, rejected)
		if (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
		if err != nil {
			if _, typed := errors.AsType[*field.Error](err); !typed {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
