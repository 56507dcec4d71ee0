// Judges test vectors with Go's golang.org/x/mod/sumdb/note and sumdb/tlog: signatures, roots, prefixes and inclusion.
//
// It knows the file format of a bundle and nothing else of Ringfence. All hashing of trees and all checking of notes and
// proofs is done by those two packages. Usage: judge FOLDER; prints {"name": {"verdict": "...", "why": "..."}} as JSON.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type vector struct {
	Name, File, Leaf string
	Keys, Since      []string
	Judges           []string
}

type verdict struct {
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
}

// stored holds the hashes of complete subtrees under the numbers that tlog gives them.
type stored map[int64]tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, known := s[index]
		if !known {
			return nil, fmt.Errorf("hash %d is not in the file", index)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// add appends the complete subtree of 2^level leaves that begins at leaf `at`.
func (s stored) add(level int, at int64, hash tlog.Hash) {
	number := at >> level
	s[tlog.StoredHashIndex(level, number)] = hash
	for number&1 == 1 {
		hash = tlog.NodeHash(s[tlog.StoredHashIndex(level, number-1)], hash)
		level, number = level+1, number>>1
		s[tlog.StoredHashIndex(level, number)] = hash
	}
}

// rootOf is tlog.TreeHash, and the empty tree's root, which TreeHash of this version does not know.
func rootOf(s stored, size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, s)
}

type checkpoint struct {
	epoch int
	size  int64
	root  tlog.Hash
}

var epochNumber = regexp.MustCompile(`^[2-9]$|^[1-9][0-9]+$`)

// open checks a note with the given keys, each under the name that its origin asks for.
func open(text string, vkeys []string) (checkpoint, error) {
	var found checkpoint
	origin, _, _ := strings.Cut(text, "\n")
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		name, rest, _ := strings.Cut(vkey, "+")
		_, encoded, _ := strings.Cut(rest, "+")
		suffix := strings.TrimPrefix(origin, name)
		found.epoch = 1
		if origin != name {
			if !strings.HasPrefix(origin, name+"/") || !epochNumber.MatchString(suffix[1:]) {
				continue
			}
			found.epoch, _ = strconv.Atoi(suffix[1:])
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != 33 {
			return found, fmt.Errorf("a key that is not one")
		}
		derived, err := note.NewEd25519VerifierKey(origin, key[1:])
		if err != nil {
			return found, err
		}
		verifier, err := note.NewVerifier(derived)
		if err != nil {
			return found, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	if err != nil {
		return found, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return found, fmt.Errorf("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] || size < 0 {
		return found, fmt.Errorf("not a size: %q", lines[1])
	}
	found.size = size
	found.root, err = tlog.ParseHash(lines[2])
	return found, err
}

type epoch struct {
	hashes stored
	size   int64
	note   *string
}

func readBundle(content []byte) ([]epoch, error) {
	var epochs []epoch
	for _, line := range bytes.Split(content, []byte("\n")) {
		if bytes.HasPrefix(line, []byte(`{"version":`)) {
			last := &epochs[len(epochs)-1]
			last.hashes.add(0, last.size, tlog.RecordHash(line))
			last.size++
			continue
		}
		var other struct {
			Epoch      *int
			Omitted    int64
			Hash       string
			Checkpoint *string
		}
		if len(line) > 0 && json.Unmarshal(line, &other) != nil {
			return nil, fmt.Errorf("not JSON: %s", line)
		}
		if other.Epoch != nil {
			epochs = append(epochs, epoch{hashes: stored{}})
		} else if other.Omitted > 0 {
			last := &epochs[len(epochs)-1]
			raw, err := hex.DecodeString(other.Hash)
			if err != nil || len(raw) != 32 {
				return nil, fmt.Errorf("not a hash: %s", other.Hash)
			}
			level := 0
			for 1<<level < other.Omitted {
				level++
			}
			last.hashes.add(level, last.size, *(*tlog.Hash)(raw))
			last.size += other.Omitted
		} else if bytes.HasPrefix(line, []byte(`{"checkpoint":`)) {
			epochs[len(epochs)-1].note = other.Checkpoint
		}
	}
	return epochs, nil
}

func judgeBundle(folder string, v vector, content []byte) error {
	epochs, err := readBundle(content)
	if err != nil {
		return err
	}
	for i, each := range epochs {
		if each.note == nil {
			continue
		}
		signed, err := open(*each.note, v.Keys)
		if err != nil {
			return err
		}
		if signed.epoch != i+1 {
			return fmt.Errorf("epoch %d has a checkpoint of epoch %d", i+1, signed.epoch)
		}
		if signed.size > each.size || i == len(epochs)-1 && signed.size != each.size {
			return fmt.Errorf("%d leaves are signed, %d are here", signed.size, each.size)
		}
		root, err := rootOf(each.hashes, signed.size)
		if err != nil || root != signed.root {
			return fmt.Errorf("another root than is signed: %v", err)
		}
	}
	for _, name := range v.Since {
		old, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		signed, err := open(string(old), v.Keys)
		if err != nil {
			return err
		}
		if signed.epoch > len(epochs) || signed.size > epochs[signed.epoch-1].size {
			return fmt.Errorf("%d leaves of epoch %d were signed", signed.size, signed.epoch)
		}
		if err := checkPrefix(epochs[signed.epoch-1], signed); err != nil {
			return err
		}
	}
	return nil
}

// checkPrefix makes a consistency proof and checks it; where the file omits what the proof needs, it compares the roots.
func checkPrefix(e epoch, old checkpoint) error {
	root, err := rootOf(e.hashes, old.size)
	if err != nil {
		return err
	}
	if root != old.root {
		return fmt.Errorf("the first %d leaves are others", old.size)
	}
	if old.size == 0 {
		return nil
	}
	whole, err := rootOf(e.hashes, e.size)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(e.size, old.size, e.hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, e.size, whole, old.size, old.root)
}

func judgeProof(folder string, v vector, content string) error {
	leaf, err := os.ReadFile(filepath.Join(folder, v.Leaf))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(leaf, []byte("\n"))
	head, text, _ := strings.Cut(content, "\n\n")
	lines := strings.Split(head, "\n")
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof := tlog.RecordProof{}
	for _, encoded := range lines[2:] {
		hash, err := tlog.ParseHash(encoded)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	signed, err := open(text, v.Keys)
	if err != nil {
		return err
	}
	if index >= signed.size {
		return fmt.Errorf("leaf %d of %d", index, signed.size)
	}
	return tlog.CheckRecord(proof, signed.size, signed.root, index, tlog.RecordHash(line))
}

// judgeRFC6962 computes the roots of the known answers, and checks the proofs in them.
func judgeRFC6962(content []byte) error {
	var known struct {
		Leaves, Roots []string
		Inclusion     []struct {
			Index, Size int64
			Hashes      []string
		}
	}
	if err := json.Unmarshal(content, &known); err != nil {
		return err
	}
	hashes := stored{}
	leaves := make([]tlog.Hash, len(known.Leaves))
	for i, text := range known.Leaves {
		raw, err := hex.DecodeString(text)
		if err != nil {
			return err
		}
		leaves[i] = tlog.RecordHash(raw)
		hashes.add(0, int64(i), leaves[i])
	}
	for size, want := range known.Roots {
		root, err := rootOf(hashes, int64(size))
		if err != nil || hex.EncodeToString(root[:]) != want {
			return fmt.Errorf("root of %d: %x %v", size, root[:], err)
		}
	}
	for _, each := range known.Inclusion {
		proof := tlog.RecordProof{}
		for _, text := range each.Hashes {
			raw, _ := hex.DecodeString(text)
			proof = append(proof, *(*tlog.Hash)(raw))
		}
		root, _ := rootOf(hashes, each.Size)
		if err := tlog.CheckRecord(proof, each.Size, root, each.Index, leaves[each.Index]); err != nil {
			return err
		}
	}
	return nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	folder := os.Args[1]
	index, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	must(err)
	var vectors []vector
	must(json.Unmarshal(index, &vectors))
	verdicts := map[string]verdict{}
	record := func(name string, err error) {
		verdicts[name] = verdict{"pass", ""}
		if err != nil {
			verdicts[name] = verdict{"fail", err.Error()}
		}
	}
	for _, v := range vectors {
		if !strings.Contains(strings.Join(v.Judges, " "), "go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, v.File))
		must(err)
		if v.Leaf != "" {
			record(v.Name, judgeProof(folder, v, string(content)))
		} else {
			record(v.Name, judgeBundle(folder, v, content))
		}
	}
	known, err := os.ReadFile(filepath.Join(folder, "rfc6962.json"))
	must(err)
	record("rfc6962", judgeRFC6962(known))
	must(json.NewEncoder(os.Stdout).Encode(verdicts))
}
