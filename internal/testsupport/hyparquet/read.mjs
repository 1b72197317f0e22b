// Prints the rows of a Parquet file, as a JSON object a line.
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const file = await asyncBufferFromFile(process.argv[2])
for (const row of await parquetReadObjects({ file, compressors })) {
  console.log(JSON.stringify(row, (_, value) => typeof value === 'bigint' ? Number(value) : value))
}
