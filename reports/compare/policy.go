package compare

import "maps"

// With is the policy with the fields of another in place of its own where these
// are set, the tolerances and margins metric by metric.
func (p Policy) With(other Policy) Policy {
	p.Tolerance, p.Margin = over(p.Tolerance, other.Tolerance), over(p.Margin, other.Margin)
	if len(other.Gate) > 0 {
		p.Gate = other.Gate
	}
	if other.MaxOutliers > 0 {
		p.MaxOutliers = other.MaxOutliers
	}
	return p
}

// over is shares with others in place of those of the same metrics, which may be
// named by their units.
func over(shares, others map[string]float64) map[string]float64 {
	out := maps.Clone(shares)
	if out == nil {
		out = map[string]float64{}
	}
	for name, share := range others {
		for _, m := range Metrics {
			if name == m.Name || name == m.Unit {
				delete(out, m.Name)
				delete(out, m.Unit)
			}
		}
		out[name] = share
	}
	return out
}
