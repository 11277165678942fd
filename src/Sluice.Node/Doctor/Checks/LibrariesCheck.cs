using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class LibrariesCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node) => node.MissingLibraries.Select(library => new Finding(
        "library-missing", Severity.Error, library, "can't be loaded: images that are compressed with it can't be read",
        $"apt-get install -y {(library.StartsWith("libzstd", StringComparison.Ordinal) ? "libzstd1" : library.StartsWith("liblz4", StringComparison.Ordinal) ? "liblz4-1" : "zlib1g")}"));
}
