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

// ParseDelay reads LENGTH@SHARE%, for example 20ms@2%. The empty text means
// none.
func ParseDelay(text string) (Delay, error) {
	if text == "" {
		return Delay{}, nil
	}
	var d Delay
	length, share, ok := strings.Cut(text, "@")
	if !ok {
		return Delay{}, errors.New("want LENGTH@SHARE%, for example 20ms@2%")
	}
	var err error
	if d.Length, err = time.ParseDuration(length); err != nil {
		return Delay{}, fmt.Errorf("length %q is no duration such as 20ms", length)
	}
	number, percent := strings.CutSuffix(share, "%")
	if d.Percent, err = strconv.ParseFloat(number, 64); err != nil || !percent {
		return Delay{}, fmt.Errorf("share %q is none such as 2%%", share)
	}
	return d, d.check()
}

func (d Delay) check() error {
	switch {
	case d.Length <= 0 || d.Length > MaxDelay:
		return fmt.Errorf("the length must be above 0 and at most %v", MaxDelay)
	case !(d.Percent > 0 && d.Percent <= 100): // so that NaN is none either
		return errors.New("the share must be above 0% and at most 100%")
	}
	return nil
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	if err := field.Check(c.CPU >= 0 && c.CPU <= MaxCPU, "CPU", c.CPU, fmt.Sprintf("0s to %v", MaxCPU)); err != nil {
		return err
	}
	if err := c.Delay.check(); err != nil && c.Delay != (Delay{}) {
		return &field.Error{Field: "Delay", Value: c.Delay, Want: "LENGTH@SHARE%; " + err.Error()}
	}
	return nil
}
