using System.Security.Cryptography;
using Sluice.Formats.Encryption;

namespace Sluice.Formats.Tests.Encryption;

public sealed class AesXtsTests
{
    private const string DigitsKey = "2718281828459045235360287471352631415926535897932384626433832795";
    private const string CountingKey = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0";

    /// <summary>IEEE 1619-2018, annex B: vectors 2, 15 and 18 (XTS-AES-128).</summary>
    [Theory]
    [InlineData(
        "1111111111111111111111111111111122222222222222222222222222222222",
        "33333333330000000000000000000000",
        "4444444444444444444444444444444444444444444444444444444444444444",
        "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0")]
    [InlineData(
        CountingKey,
        "9a785634120000000000000000000000",
        "000102030405060708090a0b0c0d0e0f10",
        "6c1625db4671522d3d7599601de7ca09ed")]
    [InlineData(
        CountingKey,
        "9a785634120000000000000000000000",
        "000102030405060708090a0b0c0d0e0f10111213",
        "9d84c813f719aa2c7be3f66171c7c5c2edbf9dac")]
    public void GivesTheVectorsOfTheStandard(string key, string iv, string plain, string cipher)
    {
        using AesXts xts = new(Convert.FromHexString(key));
        byte[] text = Convert.FromHexString(plain);
        xts.Encrypt(Convert.FromHexString(iv), text, text);
        Assert.Equal(cipher, Convert.ToHexStringLower(text));
        xts.Decrypt(Convert.FromHexString(iv), text, text);
        Assert.Equal(plain, Convert.ToHexStringLower(text));
    }

    /// <summary>Vector 4: 512 bytes, which begin with the known block; the digest of the whole is OpenSSL's.</summary>
    [Fact]
    public void GivesTheLongVectorOfTheStandard()
    {
        byte[] text = [.. Enumerable.Range(0, 512).Select(i => (byte)i)];
        using AesXts xts = new(Convert.FromHexString(DigitsKey));
        xts.Encrypt(new byte[16], text, text);
        Assert.Equal("27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c", Convert.ToHexStringLower(text.AsSpan(0, 32)));
        Assert.Equal("ebee4d64dd2395bb2d6a2d37a0a48ecb2bf4913cfc99d27c2214f2f4144715ea", Convert.ToHexStringLower(SHA256.HashData(text)));
    }

    [Fact]
    public void EveryLengthComesBack()
    {
        Random random = new(31);
        byte[] iv = new byte[16];
        random.NextBytes(iv);
        using AesXts xts = new(Convert.FromHexString(DigitsKey));
        for (int length = 16; length < 2300; length += length < 100 ? 1 : 37)
        {
            byte[] plain = new byte[length];
            random.NextBytes(plain);
            byte[] cipher = new byte[length];
            xts.Encrypt(iv, plain, cipher);
            byte[] back = new byte[length];
            xts.Decrypt(iv, cipher, back);
            Assert.Equal(plain, back);
            xts.Decrypt(iv, cipher, cipher);
            Assert.Equal(plain, cipher);
        }

        Assert.Throws<InvalidFormatException>(() => xts.Decrypt(iv, new byte[15], new byte[15]));
    }
}
