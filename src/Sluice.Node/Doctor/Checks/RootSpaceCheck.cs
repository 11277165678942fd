using System.Globalization;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class RootSpaceCheck : ICheck
{
    private const long Little = 1L << 30;
    private const long VeryLittle = 128L << 20;
    private const string Prune = "crictl rmi --prune";

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.RootSpace is not { } space) yield break;
        string root = node.Options.Root;
        if (space.FreeBytes < Little)
        {
            bool isFull = space.FreeBytes < VeryLittle;
            string free = string.Create(CultureInfo.InvariantCulture, $"{space.FreeBytes / 1e6:0} MB of {space.Bytes / 1e9:0.0} GB");
            yield return new Finding("root-space", isFull ? Severity.Error : Severity.Warning, root, $"has {free} left: when it is full, reads are not cached and new images can't be stored", Prune);
        }

        if (space.Inodes > 0 && space.FreeInodes < space.Inodes / 50)
            yield return new Finding("root-inodes", Severity.Warning, root, $"has {space.FreeInodes} of {space.Inodes} inodes left: files can't be made, whatever space there is", Prune);
    }
}
