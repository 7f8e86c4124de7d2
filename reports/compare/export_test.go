package compare

// What tests check and nobody else needs.

var LaunchesFor = launchesFor

func (d Design) AlphaAt(look int) float64        { return d.alphaAt(look) }
func (d Design) ExactAlphaAt(look int) float64   { return d.exactAlphaAt(look) }
func (d Design) OutlierAlphaAt(look int) float64 { return d.outlierAlphaAt(look) }
