//go:build !linux

package host

// Sampler knows nothing on this system.
type Sampler struct{}

// NewSampler returns a sampler.
func NewSampler(int, []int) *Sampler { return new(Sampler) }

// Read reads nothing.
func (*Sampler) Read() (s Sample) { return s }

// Close ends the sampler.
func (*Sampler) Close() {}
