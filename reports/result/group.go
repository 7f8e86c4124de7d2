package result

// Group is the stages that agree in one setting.
type Group struct {
	Value  string // of the setting
	Stages []*Stage
}

// GroupBy groups stages by the value of one setting. Groups, and the stages
// within each, keep the order in which they first appear.
func GroupBy(stages []*Stage, key string) []Group {
	var groups []Group
	at := map[string]int{}
	for _, s := range stages {
		v := s.Settings.Get(key)
		i, ok := at[v]
		if !ok {
			i = len(groups)
			at[v] = i
			groups = append(groups, Group{Value: v})
		}
		groups[i].Stages = append(groups[i].Stages, s)
	}
	return groups
}
