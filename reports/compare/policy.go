package compare

import "maps"

// With is the policy with what is asked anew on top: a tolerance or margin in
// place of that of the same metric, a gate in place of the gate, and a share of
// outliers in place of the other.
func (p Policy) With(anew Policy) Policy {
	p.Tolerance, p.Margin = over(p.Tolerance, anew.Tolerance), over(p.Margin, anew.Margin)
	if len(anew.Gate) > 0 {
		p.Gate = anew.Gate
	}
	if anew.MaxOutliers > 0 {
		p.MaxOutliers = anew.MaxOutliers
	}
	return p
}

// over is shares with others in place of those of the same metrics, which may be
// named by their units.
func over(shares, anew map[string]float64) map[string]float64 {
	out := maps.Clone(shares)
	if out == nil {
		out = map[string]float64{}
	}
	for name, share := range anew {
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
