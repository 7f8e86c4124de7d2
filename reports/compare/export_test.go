package compare

// What tests check and nobody else needs.

var LaunchesFor = launchesFor

func (d Design) AlphaAt(look int) float64        { return d.alpha(Ratio, look) }
func (d Design) ExactAlphaAt(look int) float64   { return d.alpha(Exact, look) }
func (d Design) OutlierAlphaAt(look int) float64 { return d.outlierAlpha(look) }
