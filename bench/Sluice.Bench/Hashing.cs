using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Sluice.Formats.Hashing;

namespace Sluice.Bench;

/// <summary>Speed of hashes on one core, in bytes of input per second of CPU, and as a ratio to SHA-256.</summary>
/// <remarks>
/// The AVX2 row of a processor with AVX-512 is compiled to use its 32 registers; <c>DOTNET_EnableAVX512=0</c> shows the
/// figure of a processor without.
/// </remarks>
internal static class Hashing
{
    private const long BytesPerRound = 256L << 20;
    private const int Rounds = 5;

    private delegate void Hash(ReadOnlySpan<byte> input);

    public static void Run()
    {
        byte[] digest = new byte[32];
        byte[] copy = new byte[1 << 20];
        foreach (int size in (int[])[4 << 10, 64 << 10, 1 << 20])
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{size >> 10} KiB inputs"));
            double sha = Print("sha256", size, 0, input => SHA256.HashData(input, digest));
            foreach (Blake3Path path in Enum.GetValues<Blake3Path>().Where(Blake3Lanes.IsSupported))
                Print($"blake3 {path}", size, sha, input => Blake3.Hash(input, digest, path));
            Print("crc32c", size, sha, input => Crc32C.Compute(input));
            Print("memcpy", size, sha, input => input.CopyTo(copy));
        }
    }

    private static double Print(string name, int size, double reference, Hash hash)
    {
        byte[] input = new byte[size];
        new Random(1).NextBytes(input);
        double best = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long count = BytesPerRound / size / (round == 0 ? 8 : 1);
            TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
            for (long i = 0; i < count; i++) hash(input);
            double seconds = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
            if (round > 0) best = Math.Max(best, count * size / seconds);
        }

        string ratio = reference > 0 ? string.Create(CultureInfo.InvariantCulture, $"{best / reference,7:F1} ×") : "";
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-14} {best / 1e9,7:F2} GB/s {ratio}"));
        return best;
    }
}
