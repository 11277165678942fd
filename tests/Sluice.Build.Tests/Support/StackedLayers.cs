using System.Diagnostics;
using Sluice.Formats.OverlayBd;
using Sluice.Formats.OverlayBd.Lsmt;
using Sluice.Testing;

namespace Sluice.Build.Tests.Support;

/// <summary>Block layers put together by decoders that share no code with the writer, into a device that tools can look at.</summary>
internal static class StackedLayers
{
    /// <summary>By the independent decoder that lies beside the golden files; skips where it or its libraries are missing.</summary>
    public static void Flatten(IEnumerable<string> layers, string device)
    {
        string script = Golden.Path("overlaybd/verify.py");
        var start = new ProcessStartInfo("/usr/bin/python3", [script, "stack", device, .. layers]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (errors.Contains("ModuleNotFoundError", StringComparison.Ordinal)) Assert.Skip("python3-lz4 and python3-zstandard are not installed");
        Assert.True(process.ExitCode == 0, errors + output.Result);
    }

    /// <summary>What a layer's blob says about itself.</summary>
    public static BlockLayer Read(string blob)
    {
        byte[] bytes = File.ReadAllBytes(blob);
        return BlockLayerTail.TryRead(bytes, bytes.Length, out _)!;
    }

    public static long DataBytes(BlockLayer layer) => layer.Extents.Where(extent => !extent.IsZeroed).Sum(extent => (long)extent.Length * LsmtExtent.SectorSize);
}
