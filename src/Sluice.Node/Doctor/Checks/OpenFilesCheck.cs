using System.Globalization;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The hard limit counts: the runtime raises the soft one to it.</summary>
internal sealed class OpenFilesCheck : ICheck
{
    /// <summary>Three files a blob, 200 images of 20 blobs.</summary>
    private const long Wanted = 12_000;

    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        NodeProcess? daemon = node.Daemons.Count > 0 ? node.Daemons[0] : null;
        string process = daemon is null ? "self" : daemon.Id.ToString(CultureInfo.InvariantCulture);
        string? line = (node.Files.Text($"/proc/{process}/limits") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        if (line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [_, _, _, _, var hard, ..] || !long.TryParse(hard, CultureInfo.InvariantCulture, out long limit) || limit >= Wanted) yield break;
        yield return new Finding(
            "open-files", Severity.Warning, daemon is null ? "ulimit -n" : $"process {process}", $"may have {limit} open files: enough for about {limit / 60} images of 20 layers",
            UnitFile.Read(node.Files, "sluice.service") is null && daemon is not null ? $"prlimit --pid {process} --nofile=1048576" : Mend.SetInUnit(node, "LimitNOFILE", "1048576"));
    }
}
