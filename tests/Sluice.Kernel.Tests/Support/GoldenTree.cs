using System.Globalization;
using System.Text.Json;

namespace Sluice.Kernel.Tests.Support;

/// <summary>Lines of the golden tree listing, in the form of <c>ErofsMountTests.Listing</c>.</summary>
internal static class GoldenTree
{
    public static string Line(JsonElement entry)
    {
        string path = entry.GetProperty("path").GetString()!;
        path = path == "/" ? "." : "." + path;
        int type = Convert.ToInt32(entry.GetProperty("mode").GetString()![2..], 8) >> 12;
        return type switch
        {
            8 => $"f {entry.GetProperty("sha256").GetString()} {path}",
            10 => $"l {entry.GetProperty("target").GetString()} {path}",
            4 => $"d - {path}",
            2 => $"c - {path}",
            6 => $"b - {path}",
            1 => $"p - {path}",
            _ => throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"type {type}")),
        };
    }
}
