package archive

// seal seals an archive, makes it durable and returns what a checkpoint names.
func seal(a *Archive, oldest int64) ([]string, error) {
	s, err := a.Seal(oldest)
	if err != nil {
		return nil, err
	}
	err = s.Sync()
	a.Synced(s)
	if err != nil {
		return nil, err
	}
	return s.Names, nil
}
