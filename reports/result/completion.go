package result

// Completion is what there is to tell of a request that was accepted before.
type Completion uint8

// The completions.
const (
	Done  Completion = iota // its work is done
	Again                   // it was handed out once more though it was done, or is being done; nothing was done twice
	Twice                   // its work was done a second time
)
