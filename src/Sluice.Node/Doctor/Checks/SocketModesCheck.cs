using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

internal sealed class SocketModesCheck : ICheck
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (string socket in (string[])[node.Options.AdminSocketPath, node.Options.SocketPath])
        {
            if (node.Files.Mode(socket) is { } mode && (mode & ~Owner) != 0)
                yield return new Finding("socket-mode", Severity.Warning, socket, $"has mode {Convert.ToString((int)mode, 8)}: whoever may connect commands a daemon that runs as root", $"chmod 600 {socket}");
        }
    }
}
