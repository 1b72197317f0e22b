package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// many reports whether records are asked for by what they say.
func (p *prover) many() bool { return p.query != "" || p.from != "" || p.to != "" }

// logRecords are the records of one log: of an epoch of a class.
type logRecords struct {
	dir     ledger.Dir
	epoch   uint32
	indices []int64
}

// proveMany writes a bundle for each log that has records that are asked for.
func (p *prover) proveMany(ctx context.Context, w io.Writer) error {
	text := p.query
	if p.from != "" || p.to != "" {
		if _, err := report.ParsePeriod(p.from, p.to); err != nil {
			return err
		}
		text = strings.TrimSpace(text + " at:" + p.from + ".." + p.to)
	}
	q, err := query.Parse(text, time.Now())
	if err != nil {
		return err
	}
	logs, err := recordsOf(ctx, ledger.At(p.folder), q)
	if err != nil {
		return err
	}
	if p.file == "" {
		p.file = "evidence.tar"
	}
	var written []map[string]any
	for i, l := range logs {
		file := p.file
		if len(logs) > 1 {
			file = fmt.Sprintf("%s-%s-%d%s", strings.TrimSuffix(p.file, filepath.Ext(p.file)), l.dir.Class, l.epoch, filepath.Ext(p.file))
		}
		made, err := p.writeMany(file, &logs[i])
		if err != nil {
			return err
		}
		written = append(written, made)
		if !p.json {
			_, err = fmt.Fprintf(w, "wrote %s: %s of %s, at its %d entries\nverify it with 'transfergate transfer verify %s --key KEY'; the log says its key is\n%s\n",
				file, cli.Counted(len(l.indices), "record"), made["log"], made["size"], file, made["vkey"])
		}
		if err != nil {
			return err
		}
	}
	if p.json {
		return cli.PrintJSON(w, map[string]any{"bundles": written})
	}
	return nil
}

// recordsOf finds the records, by the logs that they are in, the newest log first.
func recordsOf(ctx context.Context, dir ledger.Dir, q *query.Query) (logs []logRecords, err error) {
	source := scan.Of(dir)
	newest, err := source.Newest(ctx)
	if err != nil {
		return nil, err
	}
	n := 0
	for row, err := range source.Rows(ctx, q, newest) {
		if err == nil && row.Damage != nil {
			err = fmt.Errorf("record %s, which may be one of those asked for: %w", row.Name, row.Damage)
		}
		if err != nil {
			return nil, err
		}
		if n++; n > evidence.MaxRecords {
			return nil, fmt.Errorf("these are more than %d records: ask for fewer at a time, by --from and --to", evidence.MaxRecords)
		}
		own := dir
		if row.Name.Class != "" {
			own = dir.Of(row.Name.Class)
		}
		i := 0
		for i < len(logs) && (logs[i].dir.Class != own.Class || logs[i].epoch != row.Name.Epoch) {
			i++
		}
		if i == len(logs) {
			logs = append(logs, logRecords{dir: own, epoch: row.Name.Epoch})
		}
		logs[i].indices = append(logs[i].indices, int64(row.Name.Index))
	}
	if n == 0 {
		return nil, errors.New("the ledger has no such record: nothing is proven")
	}
	return logs, nil
}

// writeMany writes the bundle of the records of a log.
func (p *prover) writeMany(file string, l *logRecords) (map[string]any, error) {
	witnesses, err := readWitnessKeys(p.witnesses)
	if err != nil {
		return nil, err
	}
	view, err := l.dir.View(l.epoch)
	if err != nil {
		return nil, err
	}
	tree, err := p.await(view, witnesses, l.indices[0]) // the newest of them
	if err != nil {
		return nil, err
	}
	bundle, err := evidence.MakeMany(tree, l.indices, view.VerifierKey(), witnesses, l.dir.Policy)
	if err != nil {
		return nil, err
	}
	if err := writeBundle(file, bundle); err != nil {
		return nil, err
	}
	return map[string]any{"file": file, "bytes": len(bundle), "log": tree.Origin, "records": len(l.indices), "size": tree.N, "vkey": view.VerifierKey()}, nil
}

// verifyMany verifies a bundle of many records, and names each.
func (v *bundleVerifier) verifyMany(w io.Writer, f *evidence.ManyFinding) error {
	if v.json {
		return cli.PrintJSON(w, struct {
			OK bool `json:"ok"`
			*evidence.ManyFinding
		}{true, f})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ok: these are %d entries of %s, unchanged since the log signed its %d entries\n", len(f.Records), f.Log, f.Size)
	for _, name := range f.Witnesses {
		fmt.Fprintf(&b, "signed by the witness %s too\n", name)
	}
	for _, digest := range f.Policies {
		fmt.Fprintf(&b, "decided by the policy %s, which is in the bundle\n", digest)
	}
	epoch := ledger.EpochOf(f.Log)
	for _, r := range f.Records {
		row := query.NewRow("", "", record.ID{Epoch: epoch, Index: uint64(r.Index)}, r.Record)
		fmt.Fprintf(&b, "%s  %s  %s\n", row.Name, time.UnixMicro(row.Time).UTC().Format(time.RFC3339), query.Visible(row.Type))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
