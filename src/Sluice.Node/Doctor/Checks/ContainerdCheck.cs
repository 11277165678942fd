using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class ContainerdCheck : ICheck
{
    /// <summary>Remote snapshots with what Sluice needs of labels and filters.</summary>
    private static readonly Version Oldest = new(1, 6);

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        string socket = node.ContainerdSocket;
        if (node.Containerd.Version is not { } text)
        {
            yield return !node.Files.Exists(socket) && !node.ContainerdConfiguration.Exists
                ? new Finding("containerd-absent", Severity.Note, socket, "there is no containerd: only sluice mount works on this machine", "apt-get install -y containerd")
                : new Finding("containerd-not-answering", Severity.Error, socket, $"containerd does not answer{(!node.Files.Exists(socket) ? ": there is no such socket" : node.Containerd.Error.Length > 0 ? $": {node.Containerd.Error}" : "")}", "systemctl restart containerd");
            yield break;
        }

        string number = new([.. text.TrimStart('v').TakeWhile(character => char.IsAsciiDigit(character) || character == '.')]);
        if (Version.TryParse(number, out Version? version) && version < Oldest)
            yield return new Finding("containerd-too-old", Severity.Error, socket, $"containerd {number} is older than {Oldest}: lazy layers are downloaded whole", "apt-get install -y --only-upgrade containerd && systemctl restart containerd");
    }
}
