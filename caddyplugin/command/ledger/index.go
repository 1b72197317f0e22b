package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/columns"
)

func indexCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index FOLDER",
		Short: "Keeps full segments by columns, too, so that queries need not read them",
		Long: "Makes the columns that are missing, damaged or of another version: a Parquet file beside each full segment, of which\n" +
			"queries, reports and the console find and count records without reading them. A running gateway does so by itself, for\n" +
			"each segment that fills; this is for a ledger that was taken from elsewhere, or recorded by an earlier version.\n" +
			"The columns are no evidence: they follow from the records, and what they find is read from the ledger before it is shown.\n" +
			"It needs no running gateway, and may run beside one.",
		Args: cobra.ExactArgs(1),
	}
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return cli.Done(indexFolder(cmd.Context(), w, args[0]))
	})
}

// indexFolder makes the columns of all classes.
func indexFolder(ctx context.Context, w io.Writer, folder string) error {
	classes, err := ledger.At(folder).Classes()
	if err != nil {
		return err
	}
	var all columns.Updated
	for _, dir := range classes {
		u, failed := columns.Update(ctx, dir, nil)
		err = errors.Join(err, failed)
		all.Segments, all.Made, all.Bytes = all.Segments+u.Segments, all.Made+u.Made, all.Bytes+u.Bytes
	}
	_, sayErr := fmt.Fprintf(w, "%d full segments, of which %d got columns now; they take %s\n", all.Segments, all.Made, humanize.IBytes(uint64(all.Bytes))) // not negative
	return errors.Join(err, sayErr)
}
