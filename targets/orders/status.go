package orders

import "fmt"

// Status is one of Statuses, read from a reply. An [Order] may have no
// other.
func Status(text string) (string, error) {
	for _, s := range Statuses {
		if text == s {
			return s, nil
		}
	}
	return "", fmt.Errorf("an order's status is %s, which is none of %v", quote([]byte(text)), Statuses)
}
