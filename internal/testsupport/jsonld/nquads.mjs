// Reads a JSON-LD document from standard input and prints it as canonical N-Quads. What it
// would drop is an error, and so is anything that it would have to fetch.
import jsonld from 'jsonld';

let text = '';
for await (const part of process.stdin) text += part;
const documentLoader = async (url) => { throw new Error('it asks for ' + url); };
const doc = JSON.parse(text);
await jsonld.expand(doc, {documentLoader, safe: true});
process.stdout.write(await jsonld.canonize(doc, {documentLoader, safe: true, algorithm: 'RDFC-1.0', format: 'application/n-quads'}));
