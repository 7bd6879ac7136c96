package micro

// ForgetAdoption makes the next service the first of the process.
func ForgetAdoption() { defaultsTaken.Store(false) }
