package identity

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2p/lib/fail"
)

// MaxFileBytes bounds every file and stream that a key is read from.
const MaxFileBytes = 1 << 20

// ReadFile reads a small file, at most MaxFileBytes; pipes and /dev/stdin are files too.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail.New(fail.FileMissing, "no file %q", Quotable(path)).WithHint("look at the spelling and the directory")
	case err != nil:
		return nil, unreadable(path, err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, fail.New(fail.FileUnreadable, "%q is a directory", path).WithHint("name the file in it")
	}
	b, err := ReadAll(f, path, MaxFileBytes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// ReadAll reads r to its end, at most limit bytes; name is for the error.
func ReadAll(r io.Reader, name string, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	if len(b) > limit {
		return nil, fail.New(fail.FileTooLarge, "%q has more than %d bytes", name, limit).WithHint("is it the right file?")
	}
	return b, nil
}

func tooLarge(what string) *fail.Error {
	return fail.New(fail.FileTooLarge, "%s has more than %d bytes", what, MaxFileBytes).WithHint("is it the right file?")
}

func unreadable(path string, err error) *fail.Error {
	// A PathError repeats the path, which may be a key in the wrong place.
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fail.New(fail.FileUnreadable, "cannot read %q: %w", Quotable(path), err).WithHint("look at its owner and mode with ls -l")
}

// Load reads the private key of a server or client from a file (--identity).
func Load(path string) (crypto.PrivKey, error) {
	k, err := LoadKey(path)
	if err != nil {
		return nil, err
	}
	priv, err := k.Private()
	return priv, inFile(path, err)
}

// LoadKey reads a key of any kind from a file.
func LoadKey(path string) (*Key, error) {
	b, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := Read(b)
	return k, inFile(path, err)
}

// Find reads what a command's argument names: an existing file, else a peer id or a public key in base64.
func Find(target string) (*Key, error) {
	_, err := os.Stat(target)
	switch {
	case err == nil:
		return LoadKey(target)
	case strings.HasPrefix(target, "{") || strings.HasPrefix(target, "CA"):
		k, err := Read([]byte(target))
		if err == nil && k.Priv != nil {
			return nil, malformed("a private key on the command line can be read by every user of this machine").
				WithHint("write it to a file of mode 0600, or to standard input: p2p key inspect -")
		}
		return k, err
	case looksLikeID(target):
		return Read([]byte(target))
	case strings.ContainsAny(target, `./\`):
		_, err := ReadFile(target)
		return nil, err
	}
	k, err := Read([]byte(target))
	if err != nil {
		return nil, fail.New(fail.KeyMalformed, "%q is neither a file nor a peer id", Quotable(target)).WithCause(err).WithHint(idHint)
	}
	return k, nil
}

// inFile puts the file's name before the message.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	e := *fail.Of(err)
	e.Message = path + ": " + e.Message
	return &e
}

// Exposed returns a warning if others than the owner may read the file, else nil.
func Exposed(path string) *fail.Error {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || runtime.GOOS == "windows" || st.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return fail.New(fail.FileExposed, "%q has mode %04o: other users of this machine may read the secret", path, st.Mode().Perm()).
		WithHint("chmod 600 %s", path)
}

// WriteFile writes a secret whole or not at all, with mode 0600. Without force an existing file is file.exists,
// even if it appears at the same moment.
func WriteFile(path string, data []byte, force bool) error {
	st, err := os.Stat(path)
	if err == nil && st.IsDir() {
		return fail.New(fail.FileUnwritable, "%q is a directory", path).WithHint("name a file in it")
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return exists(path)
	}
	if err := replace(path, data, force); err != nil {
		if !force && errors.Is(err, fs.ErrExist) {
			return exists(path)
		}
		return unwritable(path, err)
	}
	return nil
}

func unwritable(path string, err error) *fail.Error {
	why := err // of the temporary file, whose name nobody knows
	for inner := errors.Unwrap(why); inner != nil; inner = errors.Unwrap(why) {
		why = inner
	}
	return fail.New(fail.FileUnwritable, "write %q: %w", path, why).WithCause(err).
		WithHint("look whether the directory exists, at its mode and at the free space")
}

func exists(path string) *fail.Error {
	return fail.New(fail.FileExists, "%q exists already", path).
		WithHint("choose another name; --force overwrites it, and a key that is lost is lost for good")
}

func replace(path string, data []byte, force bool) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".p2p-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if force {
		err = os.Rename(tmp.Name(), path)
	} else {
		err = putNew(tmp.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// putNew gives the file its name only if the name is free. A link does that atomically; file systems
// without links get a look before the rename.
func putNew(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(tmp, path)
}

// syncDir makes the new name survive a power cut; Windows cannot open directories for that.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
