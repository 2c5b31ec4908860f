// Which build this is, for the report, the metrics and the log.
import packageFile from '../package.json' with { type: 'json' };

/** Version of the package, as `1.2.3`. */
export const BUILD: string = packageFile.version;
