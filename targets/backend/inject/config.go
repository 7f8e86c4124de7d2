package inject

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// The largest values of a Config.
const (
	MaxCPU   = time.Second
	MaxDelay = time.Minute
)

// Config says what to inject. The zero value injects nothing.
type Config struct {
	CPU   time.Duration // that each call burns, up to MaxCPU
	Delay Delay         // of some of the calls
	Seed  uint64        // picks which
}

// Delay is how much longer a share of the calls take. Its zero value is none.
type Delay struct {
	Length  time.Duration // above 0, up to MaxDelay
	Percent float64       // of the calls; above 0, up to 100
}

// String writes what ParseDelay reads.
func (d Delay) String() string {
	if d == (Delay{}) {
		return ""
	}
	return d.Length.String() + "@" + strconv.FormatFloat(d.Percent, 'f', -1, 64) + "%"
}

// wantDelay is what the text of a delay must be.
var wantDelay = fmt.Sprintf("LENGTH@SHARE%%, such as 20ms@2%%: a length above 0s and at most %v, and a share above 0%% and at most 100%%", MaxDelay)

// ParseDelay reads LENGTH@SHARE%, for example 20ms@2%. The empty text means
// none.
func ParseDelay(text string) (d Delay, err error) {
	if text == "" {
		return Delay{}, nil
	}
	length, share, _ := strings.Cut(text, "@")
	number, percent := strings.CutSuffix(share, "%")
	var wrong error
	d.Length, err = time.ParseDuration(length)
	if d.Percent, wrong = strconv.ParseFloat(number, 64); err != nil || wrong != nil || !percent || !d.valid() {
		return Delay{}, errors.New("want " + wantDelay)
	}
	return d, nil
}

// valid reports whether it is in range. NaN is not.
func (d Delay) valid() bool {
	return d.Length > 0 && d.Length <= MaxDelay && d.Percent > 0 && d.Percent <= 100
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	return field.First(
		field.Check(c.CPU >= 0 && c.CPU <= MaxCPU, "CPU", c.CPU, fmt.Sprintf("0s to %v", MaxCPU)),
		field.Check(c.Delay == Delay{} || c.Delay.valid(), "Delay", c.Delay, wantDelay),
	)
}
