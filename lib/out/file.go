package out

import (
	"errors"
	"os"
	"path/filepath"

	"p2p/lib/fail"
)

// CheckFile tells before the work whether WriteFile will be able to write there.
func CheckFile(path string) *fail.Error {
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return fail.New(fail.FileUnwritable, "%q is a directory", path).WithHint("name a file in it")
	case err == nil && !st.Mode().IsRegular():
		return nil // a pipe or a device is written as it is
	}
	tmp, err := temp(path)
	if err != nil {
		return unwritable(path, err)
	}
	_ = tmp.Close()
	_ = os.Remove(tmp.Name())
	return nil
}

// WriteFile puts data at path by rename, so that nobody sees half of it; what was there is replaced.
func WriteFile(path string, data []byte) *fail.Error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return wrote(path, os.WriteFile(path, data, 0o644))
	}
	tmp, err := temp(path)
	if err != nil {
		return unwritable(path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), target(path))
	}
	return wrote(path, err)
}

// target is the file behind a link, so that the link stays.
func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func temp(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(target(path)), ".p2p-*.tmp")
}

func wrote(path string, err error) *fail.Error {
	if err != nil {
		return unwritable(path, err)
	}
	return nil
}

func unwritable(path string, err error) *fail.Error {
	why := err
	var p *os.PathError
	if errors.As(err, &p) {
		why = p.Err
	}
	return fail.New(fail.FileUnwritable, "write %q: %w", path, why).WithCause(err).WithHint("name a file in a directory that exists and can be written")
}
